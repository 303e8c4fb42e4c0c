"""The recorded requests, on their way to the worker, and what it found out on its way back.

They are put together in slices, between which traffic flows; the comparing itself is done by
`worker_jobs.py` in a process of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice

import msgspec

from rsp.core.backends import BackendTable
from rsp.core.config import Config, by_key
from rsp.core.limits import SNAPSHOT_REST_S
from rsp.core.lua_limits import WHAT_IF_SLICE
from rsp.core.redact import Redactor, secrets_of
from rsp.core.route import RouteRequest
from rsp.core.what_if import with_examples
from rsp.core.what_if_rows import Example, InputRow, WhatIf
from rsp.engine.decisions import Input
from rsp.engine.entrance import Entrance
from rsp.engine.server import Engine
from rsp.engine.tracing import Traced
from rsp.engine.worker_jobs import (
    ROUTE,
    Plan,
    Recorded,
    TraceJob,
    WhatIfJob,
    decode_traced,
    decode_what_if,
    fields_of,
    plan_of,
    request_of,
)

_encode = msgspec.msgpack.encode


async def what_if(engine: Engine, config: Config, table: BackendTable) -> WhatIf:
    """Return what the recorded requests would do if `config` with `table` were in force.

    They are compared with where they would go now, not with where they went: what an earlier
    change has moved is no merit of this one. Requests that were tried again count once.

    Raises:
        CommandRefused: it takes too long, or the worker is gone.
    """
    ring = engine.telemetry.decisions
    records, _ = ring.since(0)
    asked = [(seq, each) for seq, each in records if not each.decision.excluded]
    inputs: list[Input] = []
    changes = engine.changes
    # Who is down now is down for both: it is the change that is asked about.
    overlay = engine.context.health.book.overlay
    before = _plan(engine, changes.config, overlay(changes.layer.table))
    job = WhatIfJob(before, _plan(engine, config, overlay(table)))
    answer = await engine.rehearser.ask(_pieces(job, ring.inputs(asked), inputs))
    found = decode_what_if(answer)
    found.not_held = len(asked) - len(inputs)
    redactor = engine.telemetry.redactor
    found.first_error = redactor.text(found.first_error)
    wanted = {number for move in found.moves for number in move.numbers}
    none = Example("", "", "")
    return with_examples(
        found,
        (
            _example(each, redactor) if number in wanted else none
            for number, each in enumerate(inputs)
        ),
    )


def planned_listeners(engine: Engine, config: Config) -> dict[str, str]:
    """Return the pool of each present listener under `config`, empty where `route` is asked.

    By its address; one that `config` would close is left out.
    """
    pools = tuple(pool.name for pool in config.pools)
    wanted = by_key(config.listeners)
    planned = {}
    for key, listener in engine.listeners.items():
        if key in wanted:
            address = listener.entrance.address
            router = Entrance(address, wanted[key], pools).router
            planned[address] = router.pool if router else ROUTE
    return planned


def _plan(engine: Engine, config: Config, table: BackendTable) -> Plan:
    listeners = planned_listeners(engine, config)
    return plan_of(config.source_bytes, config.path, config.has_route, table, listeners)


async def _pieces(
    job: WhatIfJob, found: Iterator[Input], inputs: list[Input]
) -> AsyncIterator[bytes]:
    """Yield the job and the requests; `inputs` gets what was yielded."""
    yield _encode(job)
    numbers: dict[bytes, int] = {}
    while some := list(islice(found, WHAT_IF_SLICE)):
        recorded = []
        for each in some:
            number = numbers.setdefault(each.block, len(inputs))
            decided = each.decided
            recorded.append(
                Recorded(
                    decided.method,
                    decided.host,
                    each.target,
                    each.block if number == len(inputs) else number,
                    decided.client,
                    decided.listener,
                )
            )
            inputs.append(each)
        yield _encode(recorded)
        await asyncio.sleep(SNAPSHOT_REST_S)


def _example(found: Input, redactor: Redactor) -> Example:
    decided = found.decided
    return Example(decided.method, decided.host, _shown_target(found, redactor))


def _shown_target(found: Input, redactor: Redactor) -> str:
    return redactor.text(found.target.decode("latin-1"), _secrets(found))


def _secrets(found: Input) -> tuple[str, ...]:
    query = found.target.partition(b"?")[2].decode("latin-1")
    return secrets_of(query, fields_of(found.block))


def input_row(found: Input, redactor: Redactor) -> InputRow:
    """Return what a decision was made for, without its secrets."""
    secrets = _secrets(found)
    shown = []
    for name, value in fields_of(found.block):
        line = redactor.text(f"{name.decode('latin-1')}: {value.decode('latin-1')}", secrets)
        shown_name, _, shown_value = line.partition(": ")
        shown.append((shown_name, shown_value))
    decided = found.decided
    return InputRow(_shown_target(found, redactor), decided.client, decided.listener, shown)


async def traced(engine: Engine, config: Config, request: RouteRequest) -> Traced:
    """Return what `route` of `config` does with a request, line by line. Raises as `what_if`."""

    async def pieces() -> AsyncIterator[bytes]:
        yield _encode(TraceJob(config.source_bytes, config.path or "", request))

    return decode_traced(await engine.rehearser.ask(pieces()))


def request_again(found: Input) -> RouteRequest:
    """Return the request that a decision was made for."""
    decided = found.decided
    recorded = Recorded(
        decided.method, decided.host, found.target, b"", decided.client, decided.listener
    )
    return request_of(recorded, fields_of(found.block))
