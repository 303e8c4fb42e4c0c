"""The last routing decisions, and what they were made for.

A record holds what is short and exists anyway. Header lines are the same in most requests of a
client and are one object then, so they are noted only where they change: a run of decisions has
one block. What is held beside the records is counted, and bounded. Inputs are whole, secrets and
all: whatever leaves the engine goes through `core/redact.py`.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from rsp.core.limits import DECISIONS_KEPT
from rsp.core.lua_limits import INPUT_RUN_BYTES, INPUTS_BYTES, SHOWN_TARGET_BYTES
from rsp.core.route import Routable
from rsp.core.routing import RouteDecision
from rsp.engine.ring import Ring


class Decided(msgspec.Struct, frozen=True, gc=False):
    """A routing decision with what it was made for. All of it exists anyway, and is only kept.

    A struct of msgspec, because one is made for every request.
    """

    session: int
    at_s: float
    method: str
    host: str
    """As the client sent it."""
    target: bytes
    """Path and query; of a long one only the beginning."""
    client: str
    listener: str
    decision: RouteDecision

    @property
    def path(self) -> str:
        """The path without its query, as latin-1."""
        return self.target.partition(b"?")[0].decode("latin-1")


class Input(NamedTuple):
    """A decision and all that it was made for."""

    seq: int
    decided: Decided
    block: bytes
    """All field lines, as received."""
    target: bytes
    """Path and query, whole."""


class _Run(NamedTuple):
    """From this decision on, up to the next run, the header lines were these."""

    first: int
    block: bytes
    target: bytes | None
    """Of the one decision that this run has, when its target is long."""

    @property
    def held_bytes(self) -> int:
        return INPUT_RUN_BYTES + (len(self.target) if self.target is not None else 0)


class DecisionRing(Ring[Decided]):
    """The last decisions, with what they were made for as far back as the room for it reaches."""

    __slots__ = ("_block", "_most_bytes", "_runs", "_uses", "held_bytes")

    def __init__(self, most_bytes: int = INPUTS_BYTES) -> None:
        super().__init__(DECISIONS_KEPT)
        self.held_bytes = 0
        """What is held beside the rows of the decisions."""
        self._block: bytes | None = None
        """The header lines of the newest decision; None: the next one begins a run in any case."""
        self._runs: deque[_Run] = deque()
        self._uses: dict[bytes, int] = {}
        """How many runs have each block: clients take turns."""
        self._most_bytes = most_bytes

    def record(self, session: int, at_s: float, request: Routable, decision: RouteDecision) -> None:
        """Keep a decision. Runs for every request: what is the same as before costs two looks."""
        target = request.origin_target
        if request.block is not self._block or len(target) > SHOWN_TARGET_BYTES:
            target = self._begin_run(request)
        # As `append` does: a call less in every request.
        self.recorded += 1
        self._kept.append(
            Decided(
                session, at_s, request.method, request.raw_host, target,
                request.client_ip, request.listener, decision,
            )
        )  # fmt: skip

    def _begin_run(self, request: Routable) -> bytes:
        """Begin a run with the next decision, and return the target as its row keeps it."""
        target, block, seq = request.origin_target, request.block, self.recorded + 1
        is_long = len(target) > SHOWN_TARGET_BYTES
        self._add(_Run(seq, block, target if is_long else None))
        self._block = None if is_long else block
        while len(self._runs) > 1 and (
            self.held_bytes > self._most_bytes or self._runs[1].first <= seq - DECISIONS_KEPT + 1
        ):
            self._drop()
        return target[:SHOWN_TARGET_BYTES]

    def _add(self, run: _Run) -> None:
        self._runs.append(run)
        uses = self._uses.get(run.block, 0)
        self._uses[run.block] = uses + 1
        self.held_bytes += run.held_bytes + (0 if uses else len(run.block))

    def _drop(self) -> None:
        run = self._runs.popleft()
        uses = self._uses[run.block] - 1
        self.held_bytes -= run.held_bytes
        if uses:
            self._uses[run.block] = uses
        else:
            del self._uses[run.block]
            self.held_bytes -= len(run.block)

    def inputs(self, records: Iterable[tuple[int, Decided]]) -> Iterator[Input]:
        """Yield what each of the numbered `records` was made for, in their order.

        Those whose header lines are no longer held are left out.
        """
        runs = list(self._runs)
        firsts = [run.first for run in runs]
        for seq, decided in records:
            at = bisect_right(firsts, seq) - 1
            if at >= 0:
                run = runs[at]
                target = decided.target if run.target is None else run.target
                yield Input(seq, decided, run.block, target)
