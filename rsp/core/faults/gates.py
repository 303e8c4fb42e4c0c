"""Gates: how many of the bytes that wait for a sink may go now, and when to ask again.

A gate stands at the sink of one direction, behind the write buffer. What it holds back is unsent
like everything that waits there, so that backpressure, the close marker, the memory budget and the
books need to know nothing of it. Gates have no clock and no random numbers: both are handed in.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

from rsp.core.faults.stops import StopScanner
from rsp.core.lab_limits import FAULT_BURST_S

EVERYTHING = 1 << 62
"""What a gate that stands open lets through."""
NEVER_S = math.inf

Random = Callable[[], float]
"""Returns a number from 0 to 1."""
Values = Mapping[str, float | str]


class Order(Enum):
    """What a gate wants to be done to the connection."""

    NOTHING = "nothing"
    CLOSE = "close"
    """Close both sides; what is unsent here is thrown away."""
    RESET = "reset"
    """Reset both sides."""
    FIN = "fin"
    """Say FIN to the sink, and swallow what follows."""


class Gate:
    """Lets everything through, at once. Times are monotonic seconds."""

    def given(self, piece: bytes | memoryview, now_s: float) -> None:
        """`piece` was put behind what waits."""

    def room_bytes(self, now_s: float) -> int:
        """Return how many of the bytes that wait may go now."""
        return EVERYTHING

    def taken(self, count: int, now_s: float) -> None:
        """`count` bytes wait no longer: the kernel took them."""

    def message_begins(self) -> None:
        """What is given next begins a message, or a stream of them."""

    def may_end(self, now_s: float) -> bool:
        """Tell whether the close marker may be obeyed, now that nothing waits."""
        return True

    def order(self, now_s: float) -> Order:
        """Return what is to be done to the connection now."""
        return Order.NOTHING

    def next_s(self, now_s: float) -> float:
        """Return when something changes by time alone, later than now; NEVER_S: nothing will."""
        return NEVER_S


class Latency(Gate):
    """Each byte goes so much later than it came."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._delay_s = float(values["latency"]) / 1000
        self._jitter_s = float(values["jitter"]) / 1000
        self._random = random
        self._due: deque[tuple[float, int]] = deque()
        """When each piece is due, and its size."""
        self._ripe_bytes = 0

    def given(self, piece: bytes | memoryview, now_s: float) -> None:
        """Note when it is due; no piece overtakes another."""
        jitter_s = self._jitter_s * (2 * self._random() - 1) if self._jitter_s else 0.0
        due_s = now_s + max(0.0, self._delay_s + jitter_s)
        if self._due:
            due_s = max(due_s, self._due[-1][0])
        self._due.append((due_s, len(piece)))

    def room_bytes(self, now_s: float) -> int:
        """Return what is due."""
        while self._due and self._due[0][0] <= now_s:
            self._ripe_bytes += self._due.popleft()[1]
        return self._ripe_bytes

    def taken(self, count: int, now_s: float) -> None:
        """It has gone."""
        self._ripe_bytes -= count

    def next_s(self, now_s: float) -> float:
        """Return when the next piece is due."""
        # What is due already waits for the kernel, which will say when it has room.
        return self._due[0][0] if self._due and self._due[0][0] > now_s else NEVER_S


class Bandwidth(Gate):
    """So many bytes a second, in bursts of `FAULT_BURST_S`."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._rate = float(values["rate"]) * 1000
        """Bytes a second: toxiproxy's KB has 1,000 of them."""
        self._burst_bytes = max(1.0, self._rate * FAULT_BURST_S)
        self._credit_bytes = self._burst_bytes
        self._at_s = began_s

    def room_bytes(self, now_s: float) -> int:
        """Return what was earned since bytes went last, one burst at most."""
        if not self._rate:
            return EVERYTHING
        earned = (now_s - self._at_s) * self._rate
        self._at_s = now_s
        self._credit_bytes = min(self._burst_bytes, self._credit_bytes + earned)
        return int(self._credit_bytes)

    def taken(self, count: int, now_s: float) -> None:
        """It is spent."""
        self._credit_bytes -= count

    def next_s(self, now_s: float) -> float:
        """Return when half a burst will have been earned."""
        if not self._rate:
            return NEVER_S
        missing = max(1.0, self._burst_bytes / 2) - self._credit_bytes
        due_s = self._at_s + missing / self._rate
        return due_s if due_s > now_s else NEVER_S


class SlowClose(Gate):
    """The end comes so much later."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._delay_s = float(values["delay"]) / 1000
        self._due_s = NEVER_S

    def may_end(self, now_s: float) -> bool:
        """Tell whether the delay is over; it begins when this is asked first."""
        if self._due_s == NEVER_S:
            self._due_s = now_s + self._delay_s
        return now_s >= self._due_s

    def next_s(self, now_s: float) -> float:
        """Return when the delay is over."""
        return self._due_s if self._due_s > now_s else NEVER_S


class Timeout(Gate):
    """Nothing passes; after a while the connection is closed."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        timeout_s = float(values["timeout"]) / 1000
        self._due_s = began_s + timeout_s if timeout_s else NEVER_S

    def room_bytes(self, now_s: float) -> int:
        """Return 0."""
        return 0

    def order(self, now_s: float) -> Order:
        """Close it when its time has come."""
        return Order.CLOSE if now_s >= self._due_s else Order.NOTHING

    def next_s(self, now_s: float) -> float:
        """Return when that is."""
        return self._due_s if self._due_s > now_s else NEVER_S


class ResetPeer(Gate):
    """The first byte brings a reset, at once or after a while."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._timeout_s = float(values["timeout"]) / 1000
        self._due_s = NEVER_S

    def given(self, piece: bytes | memoryview, now_s: float) -> None:
        """The time runs from the first byte."""
        if self._due_s == NEVER_S:
            self._due_s = now_s + self._timeout_s

    def room_bytes(self, now_s: float) -> int:
        """Return 0."""
        return 0

    def order(self, now_s: float) -> Order:
        """Reset it when its time has come."""
        return Order.RESET if now_s >= self._due_s else Order.NOTHING

    def next_s(self, now_s: float) -> float:
        """Return when that is."""
        return self._due_s if self._due_s > now_s else NEVER_S


class Slicer(Gate):
    """Small pieces, with a pause between them."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._average_bytes = float(values["average_size"])
        self._variation_bytes = float(values["size_variation"])
        self._delay_s = float(values["delay"]) / 1e6
        self._random = random
        self._left_bytes = self._slice()
        self._due_s = began_s

    def _slice(self) -> int:
        spread = self._variation_bytes * (2 * self._random() - 1)
        return max(1, round(self._average_bytes + spread))

    def room_bytes(self, now_s: float) -> int:
        """Return what is left of the present piece."""
        return self._left_bytes if now_s >= self._due_s else 0

    def taken(self, count: int, now_s: float) -> None:
        """A piece that has gone makes room for the next one, later."""
        self._left_bytes -= count
        if self._left_bytes <= 0:
            self._left_bytes = self._slice()
            self._due_s = now_s + self._delay_s

    def next_s(self, now_s: float) -> float:
        """Return when the next piece may go."""
        return self._due_s if self._due_s > now_s else NEVER_S


class LimitData(Gate):
    """So many bytes, and then the end, but not before there is anything to cut off."""

    end = Order.CLOSE

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._left_bytes = int(float(values["bytes"]))
        self._has_begun = False

    def given(self, piece: bytes | memoryview, now_s: float) -> None:
        """There is something."""
        self._has_begun = True

    def room_bytes(self, now_s: float) -> int:
        """Return what may still pass."""
        return self._left_bytes

    def taken(self, count: int, now_s: float) -> None:
        """So much less may pass."""
        self._left_bytes -= count

    def order(self, now_s: float) -> Order:
        """End it when nothing more may pass."""
        return self.end if self._has_begun and self._left_bytes <= 0 else Order.NOTHING


class HalfClose(LimitData):
    """So many bytes, and then FIN to the sink alone: at once, when none may pass."""

    end = Order.FIN

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        super().__init__(values, began_s, random)
        self._has_begun = True


class StopAt(Gate):
    """Passes an HTTP message up to a chosen point, and everything before the first one."""

    def __init__(self, values: Values, began_s: float, random: Random) -> None:
        self._point, self._chunk = str(values["point"]), int(float(values["chunk"]))
        self._scanner: StopScanner | None = None
        self._end = {"hang": Order.NOTHING, "close": Order.CLOSE, "reset": Order.RESET}[
            str(values["end"])
        ]
        self._may_bytes = 0

    def given(self, piece: bytes | memoryview, now_s: float) -> None:
        """See how much of it lies before the point."""
        scanner = self._scanner
        self._may_bytes += len(piece) if scanner is None else scanner.feed(bytes(piece))

    def message_begins(self) -> None:
        """Look for the point from here on."""
        if self._scanner is None:
            self._scanner = StopScanner(self._point, self._chunk)
        self._scanner.begin()

    def room_bytes(self, now_s: float) -> int:
        """Return what lies before the point and has not gone."""
        return self._may_bytes

    def taken(self, count: int, now_s: float) -> None:
        """So much has gone."""
        self._may_bytes -= count

    def may_end(self, now_s: float) -> bool:
        """Stopped, it hangs: there is no end either, unless one was asked for."""
        return not self._is_stopped or self._end is not Order.NOTHING

    def order(self, now_s: float) -> Order:
        """End it, if it is to end, when all before the point has gone."""
        return self._end if self._is_stopped and not self._may_bytes else Order.NOTHING

    @property
    def _is_stopped(self) -> bool:
        return self._scanner is not None and self._scanner.is_stopped


GATES: Mapping[str, Callable[[Values, float, Random], Gate]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "limit_data": LimitData,
    "half_close": HalfClose,
    "stop_at": StopAt,
}
"""How each toxic makes its gate: of its values, when it begins, and random numbers."""
