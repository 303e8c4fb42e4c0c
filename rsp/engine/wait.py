"""A wait for room, which begins when a connection meets EAGAIN, and the stall it may become."""

from rsp.core.evidence import StallRow
from rsp.core.stall import SocketLook, cause_of, evidence_of, sentence_of
from rsp.core.vocabulary import Side, StallCause
from rsp.engine.kernel import RawLook, read_look


class Wait:
    """One time for which a connection could not write. Times are monotonic seconds."""

    __slots__ = ("began_s", "ended_s", "held_by", "raw", "stall")

    def __init__(self, began_s: float, raw: RawLook) -> None:
        self.began_s = began_s
        self.ended_s = 0.0
        """0: it goes on."""
        self.raw = raw
        """What the kernel knew when it began, unread."""
        self.held_by = ""
        """The faults that hold the bytes back, in words; empty: it is the kernel."""
        self.stall: Stall | None = None
        """What it has come to, once it is long enough to be one."""


class Stall:
    """One time for which a connection took none of the bytes that waited for it."""

    __slots__ = ("before", "cause", "now", "session", "side", "unsent_bytes", "wait", "who")

    def __init__(self, session: int, side: Side, who: str, wait: Wait) -> None:
        self.session = session
        self.side = side
        self.who = who
        """In words: `client`, or the backend's name."""
        self.wait = wait
        self.cause = StallCause.UNKNOWN
        self.before = self.now = read_look(wait.raw)
        self.unsent_bytes = 0
        """The most that waited here meanwhile."""

    def see(self, look: SocketLook, unsent_bytes: int) -> None:
        """Take a further look. A cause that was found stays until another one is."""
        cause = StallCause.INJECTED if self.wait.held_by else cause_of(self.before, look)
        if cause is not StallCause.UNKNOWN or self.cause is cause:
            self.cause, self.now = cause, look
        self.unsent_bytes = max(self.unsent_bytes, unsent_bytes)

    def row(self, now_s: float) -> StallRow:
        """Return it as whoever looks sees it."""
        since_s = (self.wait.ended_s or now_s) - self.wait.began_s
        return StallRow(
            since_s=since_s,
            cause=self.cause.value,
            sentence=self._sentence(since_s),
            evidence=evidence_of(self.before, self.now),
            unsent_bytes=self.unsent_bytes,
            is_over=self.wait.ended_s > 0,
            side=self.side.value,
        )

    def _sentence(self, since_s: float) -> str:
        if self.cause is StallCause.INJECTED:
            return f"{self.wait.held_by} holds back what {self.who} is to get, for {since_s:.1f} s"
        return sentence_of(self.cause, self.who, since_s, self.before, self.now)
