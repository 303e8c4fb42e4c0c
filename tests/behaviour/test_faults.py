"""The fault matrix: every cell of `tests/faults.toml`, over real sockets and through real engines.

Cells run side by side, each with a pool and a backend of its own, so that a fault which costs
anybody else a byte is found as well.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from docs.faults import FAULTS, PHASES, Cell
from rsp.core.legend import CLOSE_REASONS
from rsp.core.vocabulary import CloseReason
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.fault_acts import ACTS
from tests.behaviour.fault_scene import Origin, Scene
from tests.behaviour.running import Engine
from tests.behaviour.scale import scaled
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until

ROUTE = """
function route(request)
  if request.headers["x-raise"] then error("as told") end
  return request.host
end
"""
SHORT_LIMITS = """
limits {
  client_head_s = 1, client_body_idle_s = 1, client_write_idle_s = 1, keep_alive_idle_s = 1,
  connect_s = 1, response_head_s = 1, response_idle_s = 1, tunnel_idle_s = 1,
}
"""
TIMED = {"client_stall", "client_slow", "backend_stall", "backend_slow", "backend_blackhole"}
"""Faults that only an allowance ends: here none may be longer than the test."""
SCARCE = {"out_of_fds"}
FEW_FDS = 64
WORKERS = 12

CELLS = [cell for fault in FAULTS for cell in fault.cells]


def walk(directory: Path, cells: list[Cell], settings: str, fds: int | None) -> dict[Cell, str]:
    """Return what came of each cell: in the words of the matrix, or why it could not be walked."""
    with ExitStack() as stack:
        origins = [stack.enter_context(closing(Origin())) for _ in cells]
        canary = stack.enter_context(closing(Backend()))
        names = [f"cell{number}" for number in range(len(cells))]
        pools = [
            pool(origin.address, name=name) for origin, name in zip(origins, names, strict=True)
        ]
        config = directory / "config.lua"
        config.write_text(LISTEN + "".join(pools) + pool(canary, name="canary") + settings + ROUTE)
        arguments = (str(config), "--state", "none")  # its lock would be an fd more
        proxy = stack.enter_context(closing(Engine(directory, *arguments, fds=fds)))
        open_fds = proxy.fds()
        lock = threading.Lock()

        def one(cell: Cell, origin: Origin, name: str) -> str:
            scene = Scene(proxy, origin, lock, cell, name)
            try:
                scene.begin()
                seen = ACTS[cell.fault](scene)
                outcome = " | ".join((seen, *scene.end()))
                assert proxy.get(host="canary").status == 200
            finally:
                origin.close()
            return outcome

        with ThreadPoolExecutor(1 if fds else WORKERS) as workers:
            outcomes = list(workers.map(one, cells, origins, names))
        proxy.hang_up()
        canary.hang_up()
        wait_until(lambda: not proxy.ask("status")["sessions"])
        wait_until(lambda: proxy.fds() == open_fds)
    return dict(zip(cells, outcomes, strict=True))


GROUPS: dict[str, tuple[set[str], str, int | None]] = {
    "short limits": (TIMED, SHORT_LIMITS, None),
    "few fds": (SCARCE, "", FEW_FDS),
    "ordinary": (set(ACTS) - TIMED - SCARCE, "", None),
}


@pytest.mark.parametrize(("faults", "settings", "fds"), GROUPS.values(), ids=GROUPS)
def test_what_goes_wrong_costs_what_the_matrix_says(
    directory: Path, faults: set[str], settings: str, fds: int | None
) -> None:
    cells = [cell for cell in CELLS if cell.fault in faults]
    for _ in range(scaled(1, 3)):
        outcomes = walk(directory, cells, settings, fds)
        wrong = {cell: outcome for cell, outcome in outcomes.items() if outcome != cell.outcome}
        assert wrong == {}


def test_the_matrix_is_whole() -> None:
    phases = [phase.name for phase in PHASES]
    assert (len(FAULTS), len(phases), len(CELLS)) == (24, 9, 159)
    assert {fault.name for fault in FAULTS} == set(ACTS)
    assert {cell.phase for cell in CELLS} == set(phases)
    assert {cell.backend for cell in CELLS} == {"reused", "closed", "none"}


def test_every_reason_that_a_fault_can_have_is_met_and_in_the_legend() -> None:
    assert set(CLOSE_REASONS) == set(CloseReason)
    by_hand = {CloseReason.OPERATOR, CloseReason.SHUTDOWN, CloseReason.INJECTED}
    elsewhere = {
        CloseReason.BAD_PROXY_HEADER,
        CloseReason.CONNECTION_LIMIT,
        CloseReason.MEMORY_LIMIT,
    }
    never = {CloseReason.BUFFER_LIMIT, CloseReason.INTERNAL_ERROR}
    assert {cell.reason for cell in CELLS} == set(CloseReason) - by_hand - elsewhere - never
