"""The commands that say why it is slow: exchanges with their time, and who holds whom up."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from rsp.core.exchange_rows import ExchangeRow, Exchanges
from rsp.core.limits import SLOW_EXCHANGE_S, SNAPSHOT_REST_S, SNAPSHOT_SLICE_ROWS
from rsp.core.params import LimitParams, Params
from rsp.core.pause_tree import Pauses, PauseTree
from rsp.core.slow_exchanges import Surroundings, slow_sentence
from rsp.engine.exchange import Exchange
from rsp.engine.rows import connection_row, exchange_row, listener_row
from rsp.engine.server import Engine
from rsp.engine.session import Session


async def exchanges(engine: Engine, params: LimitParams) -> Exchanges:
    """Return the last finished exchanges, and what the slow ones of all that are kept have in
    common. Built in slices, as the table of sessions is."""
    kept = engine.telemetry.exchanges.newest()
    shown = len(kept[: params.limit])
    asked = [*kept[:shown], *(each for each in kept[shown:] if each.took_s >= SLOW_EXCHANGE_S)]
    lags = list(engine.context.deadlines.lags)
    rows: list[ExchangeRow] = []
    for start in range(0, len(asked), SNAPSHOT_SLICE_ROWS):
        if start:
            await asyncio.sleep(SNAPSHOT_REST_S)
        part = asked[start : start + SNAPSHOT_SLICE_ROWS]
        rows += [exchange_row(each, engine.telemetry, lags) for each in part]
    return Exchanges(rows[:shown], slow_sentence(rows, _surroundings(engine, kept)))


async def pauses(engine: Engine, _params: Params) -> Pauses:
    """Return who holds whom up: what is not read, and the listeners that let nobody in."""
    tree = PauseTree()
    paused = [session for session in engine.registry.live.values() if _is_paused(session)]
    for start in range(0, len(paused), SNAPSHOT_SLICE_ROWS):
        if start:
            await asyncio.sleep(SNAPSHOT_REST_S)
        now_s = time.monotonic()
        for session in paused[start : start + SNAPSHOT_SLICE_ROWS]:
            if not session.state.is_over:
                tree.add(connection_row(session, now_s))
    return Pauses(tree.groups([listener_row(each) for each in engine.listeners.values()]))


def _is_paused(session: Session) -> bool:
    backend = session.backend
    return bool(session.client.paused_by or (backend is not None and backend.paused_by))


def _surroundings(engine: Engine, kept: Sequence[Exchange]) -> Surroundings:
    loads = engine.context.dispatcher.loads
    lateness_s = sorted(engine.context.deadlines.lateness_s)
    return Surroundings(
        kept=len(kept),
        served=Counter(each.backend.key for each in kept if each.backend is not None),
        in_flight={key: load.sessions for key, load in loads.items()},
        faults=len(lab.kinds()) if (lab := engine.context.lab) is not None else 0,
        lag_p99_s=lateness_s[len(lateness_s) * 99 // 100] if lateness_s else None,
    )
