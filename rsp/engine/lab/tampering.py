"""What is done on purpose to one connection, and the books about it."""

from rsp.core.faults.audit import Audit
from rsp.core.faults.gates import NEVER_S, Gate, Order
from rsp.core.faults.layout import Layout, Runs, Span
from rsp.core.http1.framing import BodyKind

_NOTHING = memoryview(b"")


class Tampering:
    """The faults at one connection: `gates` and `bug` at what it sends, the rest at how it reads.

    `names` says in words which faults they are.
    """

    __slots__ = (
        "asked_s", "audit", "bug", "ends_at_hang_up", "gates", "held_since_s", "holds_end",
        "is_swallowing", "layout", "lost_overhead_bytes", "names", "old_bytes", "reads_once",
        "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.gates: dict[int, Gate] = {}
        """By the number of the fault."""
        self.bug = ""
        """`lose_on_eagain`, `lose_on_short_write`, `close_without_drain`, or empty."""
        self.reads_once = False
        self.ends_at_hang_up = False
        self.names: tuple[str, ...] = ()
        self.audit: Audit | None = None
        self.layout = Layout()
        """Follows what is given to be sent."""
        self.waiting = Runs()
        """What of it has neither gone nor been lost."""
        self.old_bytes = 0
        """So many unsent bytes stood here before it began; they are not looked at."""
        self.lost_overhead_bytes = 0
        """What was thrown away of heads and chunk framing."""
        self.is_swallowing = False
        """Whether FIN was said early: what follows is thrown away."""
        self.asked_s = NEVER_S
        """When the next turn that was asked for is due."""
        self.held_since_s = 0.0
        """Since when a gate has let nothing through; 0: it has not."""
        self.holds_end = False
        """Whether a gate holds back the close marker."""

    @property
    def is_holding(self) -> bool:
        """Whether the peer waits for something because of a gate."""
        return self.held_since_s > 0 or self.holds_end

    @property
    def is_sound(self) -> bool:
        """Whether the peer has got, or will get, every byte: another message may follow."""
        lost_bytes = 0 if self.audit is None else self.audit.lost_bytes
        return not (self.is_swallowing or lost_bytes or self.lost_overhead_bytes)

    def room_bytes(self, now_s: float) -> int:
        """Return how many bytes may go now."""
        return min(gate.room_bytes(now_s) for gate in self.gates.values())

    def may_end(self, now_s: float) -> bool:
        """Tell whether the close marker may be obeyed now."""
        # All are asked: a delay begins with the question.
        return False not in [gate.may_end(now_s) for gate in self.gates.values()]

    def order(self, now_s: float) -> Order:
        """Return what the first gate that wants anything wants to be done."""
        for gate in self.gates.values():
            order = gate.order(now_s)
            if order is not Order.NOTHING:
                return order
        return Order.NOTHING

    def next_s(self, now_s: float) -> float:
        """Return when a gate has to be asked again; NEVER_S: time alone changes nothing."""
        return min((gate.next_s(now_s) for gate in self.gates.values()), default=NEVER_S)

    def given(self, view: memoryview, now_s: float) -> None:
        """These bytes are to be sent behind what waits."""
        if not self.is_swallowing:
            for gate in self.gates.values():
                gate.given(view, now_s)
        spans = self.layout.spans(view)
        self.waiting.put(len(view), spans)
        if self.audit is not None:
            for start, end in spans:
                self.audit.came(view[start:end])

    def add(self, count: int) -> None:
        """`count` bytes that belong to no body are to be sent next."""
        self.layout.add(count)

    def begin(self, head_bytes: int, kind: BodyKind) -> None:
        """A message is to be sent next."""
        self.layout.begin(head_bytes, kind)
        for gate in self.gates.values():
            gate.message_begins()

    def left(self, view: memoryview, now_s: float) -> None:
        """The kernel took these bytes."""
        self._taken(len(view), now_s)
        view = self._without_old(view)
        spans = self.waiting.take(len(view))
        if self.audit is not None:
            for start, end in spans:
                self.audit.left(view[start:end])

    def lost(self, view: memoryview, now_s: float, behind: memoryview = _NOTHING) -> None:
        """These bytes, which would have gone next, are thrown away; `behind` waits behind them."""
        self._taken(len(view), now_s)
        view = self._without_old(view)
        behind = behind[min(self.old_bytes, len(behind)) :]
        self._lose(view, self.waiting.take(len(view)), _cut(behind, self.waiting.all()))

    def lost_last(self, view: memoryview) -> None:
        """These bytes, which came just now, are thrown away, whatever waits before them."""
        self._lose(view, self.waiting.take_last(len(view)), b"")

    def _lose(self, view: memoryview, spans: list[Span], behind: bytes) -> None:
        lost = _cut(view, spans)
        self.lost_overhead_bytes += len(view) - len(lost)
        if self.audit is not None and lost:
            self.audit.lost(lost, behind)

    def _taken(self, count: int, now_s: float) -> None:
        for gate in self.gates.values():
            gate.taken(count, now_s)

    def _without_old(self, view: memoryview) -> memoryview:
        old = min(self.old_bytes, len(view))
        self.old_bytes -= old
        return view[old:]


def _cut(view: memoryview, spans: list[Span]) -> bytes:
    return b"".join(view[start:end] for start, end in spans)
