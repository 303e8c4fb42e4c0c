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

    __slots__ = (
        "before", "cause", "held_by", "now", "seen", "session", "side", "unsent_bytes", "wait",
        "who", "widest_wnd_bytes",
    )  # fmt: skip

    def __init__(self, session: int, side: Side, who: str, wait: Wait) -> None:
        self.session = session
        self.side = side
        self.who = who
        """In words: `client`, or the backend's name."""
        self.wait = wait
        self.cause = StallCause.UNKNOWN
        """What was seen most often: while a stall begins and ends, it looks like another one."""
        self.seen: dict[StallCause, int] = {}
        self.before = self.now = read_look(wait.raw)
        self.widest_wnd_bytes = 0
        self.held_by = ""
        """The faults that held the bytes back when that was the cause."""
        self.unsent_bytes = 0
        """The most that waited here meanwhile."""

    def see(self, look: SocketLook, unsent_bytes: int, widest_wnd_bytes: int) -> int:
        """Take a further look, and return the widest window that was seen so far.

        `widest_wnd_bytes` is what was seen before, in stalls that are over.
        """
        windows = (self.before.snd_wnd_bytes or 0, look.snd_wnd_bytes or 0)
        self.widest_wnd_bytes = max(widest_wnd_bytes, *windows)
        self.unsent_bytes = max(self.unsent_bytes, unsent_bytes)
        if self.wait.held_by:
            cause, self.held_by = StallCause.INJECTED, self.wait.held_by
        else:
            cause = cause_of(self.before, look, self.widest_wnd_bytes)
        if cause is not StallCause.UNKNOWN:
            self.seen[cause] = self.seen.get(cause, 0) + 1
        if cause is self.cause or self.seen.get(cause, 0) > self.seen.get(self.cause, 0):
            self.cause, self.now = cause, look
        return self.widest_wnd_bytes

    def row(self, now_s: float) -> StallRow:
        """Return it as whoever looks sees it."""
        since_s = (self.wait.ended_s or now_s) - self.wait.began_s
        return StallRow(
            since_s=since_s,
            cause=self.cause.value,
            sentence=self._sentence(since_s),
            evidence=evidence_of(self.before, self.now, self.widest_wnd_bytes),
            unsent_bytes=self.unsent_bytes,
            is_over=self.wait.ended_s > 0,
            side=self.side.value,
        )

    def _sentence(self, since_s: float) -> str:
        if self.cause is StallCause.INJECTED:
            return f"{self.held_by} holds back what {self.who} is to get, for {since_s:.1f} s"
        return sentence_of(self.cause, self.who, since_s, self.before, self.now)
