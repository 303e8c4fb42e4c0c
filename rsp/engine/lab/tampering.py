"""What is done on purpose to one connection, and the books about it."""

from rsp.core.faults.audit import Audit
from rsp.core.faults.gates import NEVER_S, Gate, Order
from rsp.core.faults.layout import Layout
from rsp.core.http1.framing import BodyKind


class Tampering:
    """The faults at one connection: `gates` and `bug` at what it sends, the rest at how it reads.

    `names` says in words which faults they are.
    """

    __slots__ = (
        "asked_s", "audit", "bug", "came_layout", "ends_at_hang_up", "gates", "held_since_s",
        "is_swallowing", "layout", "lost_overhead_bytes", "names", "old_bytes", "reads_once",
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
        self.came_layout = Layout()
        """Follows what is given to be sent."""
        self.layout = Layout()
        """Follows what has gone, or is lost."""
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
        for gate in self.gates.values():
            gate.given(view, now_s)
        audit = self.audit
        if audit is not None:
            for start, end in self.came_layout.spans(view):
                audit.came(view[start:end])

    def add(self, count: int) -> None:
        """`count` bytes that belong to no body are to be sent next."""
        self.came_layout.add(count)
        self.layout.add(count)

    def begin(self, head_bytes: int, kind: BodyKind) -> None:
        """A message is to be sent next."""
        self.came_layout.begin(head_bytes, kind)
        self.layout.begin(head_bytes, kind)

    def left(self, view: memoryview, now_s: float) -> None:
        """The kernel took these bytes."""
        for gate in self.gates.values():
            gate.taken(len(view), now_s)
        view = self._without_old(view)
        audit = self.audit
        if audit is not None and view:
            for start, end in self.layout.spans(view):
                audit.left(view[start:end])

    def lost(self, view: memoryview) -> None:
        """These bytes, which would have gone next, are thrown away."""
        view = self._without_old(view)
        payload_bytes = 0
        for start, end in self.layout.spans(view):
            payload_bytes += end - start
            if self.audit is not None:
                self.audit.lost(view[start:end])
        self.lost_overhead_bytes += len(view) - payload_bytes

    def _without_old(self, view: memoryview) -> memoryview:
        old = min(self.old_bytes, len(view))
        self.old_bytes -= old
        return view[old:]
