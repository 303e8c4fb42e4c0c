"""The commands that only look: status, tables, rings, explanations."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from stat import S_ISREG

import msgspec

from rsp.core.breaks.rows import BreakSummary
from rsp.core.config import Config, ConfigError
from rsp.core.decision_rows import Decisions
from rsp.core.filter import Filter, FilterError, parse_filter, sort_value
from rsp.core.generation_rows import ChangeRow, EditRow, Edits
from rsp.core.limits import CONFIG_BYTES, SNAPSHOT_REST_S, SNAPSHOT_SLICE_ROWS
from rsp.core.params import (
    ConnectionsParams,
    DecisionsParams,
    EventsParams,
    IdParams,
    Params,
)
from rsp.core.replies import (
    BackendRow,
    Backends,
    ConfigSource,
    ConnectionDetail,
    ConnectionRow,
    Events,
    MemoryRow,
    Status,
    Totals,
)
from rsp.core.row_fields import UnknownField, asks_held
from rsp.core.wire import INVALID_PARAMS, CommandRefused, Pieces
from rsp.engine.autopsy_rows import storms_now
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.health_rows import add_health, pool_row
from rsp.engine.kernel import open_fds, resident_bytes
from rsp.engine.lua_config import load_config
from rsp.engine.relay import Relay
from rsp.engine.rows import (
    closed_detail,
    connection_detail,
    connection_row,
    decision_row,
    event_row,
    listener_row,
    trial_row,
)
from rsp.engine.server import Engine
from rsp.engine.session import Session
from rsp.engine.what_if import input_row
from rsp.engine.whole_file import regular_file

_LONGEST_WAIT_S = 60.0
"""A long poll is answered after this in any case, so that a dead client is noticed."""


def status(engine: Engine, _params: Params) -> Status:
    """Return how the engine itself is."""
    now_s = time.monotonic()
    config = engine.changes.config
    # Only these keep bytes: whoever looks often must not ask thousands who keep none.
    holders = [each for each in engine.context.poller.holders if isinstance(each, Connection)]
    lab = engine.context.lab
    faults = [] if lab is None else lab.kinds()
    return Status(
        version=engine.version,
        pid=engine.pid,
        uptime_s=now_s - engine.telemetry.started_s,
        config=config.path,
        log=str(engine.log_path) if engine.log_path else None,
        listeners=[listener_row(listener) for listener in engine.listeners.values()],
        generation=engine.changes.generation,
        sessions=len(engine.registry.live),
        memory_bytes=resident_bytes(),
        fds=open_fds(),
        loop_lag_s=engine.context.deadlines.lag_s,
        events_dropped=engine.telemetry.events.dropped,
        now_s=now_s,
        totals=_totals(engine),
        unsent_bytes=sum(connection.held_bytes for connection in holders),
        blocked=len({id(each.owner) for each in holders if each.blocked_since_s}),
        edits=len(engine.changes.layer.edits),
        config_changed=_config_changed(engine),
        draining=engine.context.is_draining,
        faults=len(faults),
        fault_kinds=faults,
        breaks=BreakSummary() if lab is None else lab.breaks(),
        memory=MemoryRow(
            engine.memory.used_bytes(), engine.memory.budget_bytes, engine.memory.step.value
        ),
        storms=storms_now(engine.registry.closed.newest(), now_s),
        troubles=engine.troubles.now(now_s),
        trial=trial_row(engine.changes.trials.trial, now_s),
        rolled_back=engine.changes.rolled_back(),
    )


def _totals(engine: Engine) -> Totals:
    """Add what the live sessions have counted to what the closed ones left."""
    totals = msgspec.structs.replace(engine.telemetry.totals)
    sessions = engine.registry.live.values()
    clients = [session.client for session in sessions]
    backends = [session.backend for session in sessions if session.backend is not None]
    totals.client_bytes_in += sum([each.bytes_in for each in clients])
    totals.client_bytes_out += sum([each.bytes_out for each in clients])
    loads = engine.context.dispatcher.loads.values()
    totals.backend_bytes_in = sum([load.bytes_in for load in loads])
    totals.backend_bytes_out = sum([load.bytes_out for load in loads])
    totals.backend_bytes_in += sum([each.bytes_in for each in backends])
    totals.backend_bytes_out += sum([each.bytes_out for each in backends])
    for connection in chain(clients, backends):
        if connection.eagain_reads or connection.eagain_writes or connection.short_writes:
            totals.eagain_reads += connection.eagain_reads
            totals.eagain_writes += connection.eagain_writes
            totals.short_writes += connection.short_writes
    return totals


def _config_changed(engine: Engine) -> bool:
    config = engine.changes.config
    try:
        return _on_disk(config) != config.source
    except OSError:
        # It is not there any more, or not for us to read.
        return True


@dataclass(slots=True)
class _Disk:
    """A file as it was read last, so that looking every second does not read it every second."""

    stamp: tuple[int, int, int] = (0, 0, 0)
    text: str | None = None


_disk: dict[str, _Disk] = {}


def _on_disk(config: Config) -> str | None:
    """Return what the file of `config` says by now; without one, what it said.

    Raises:
        OSError: it cannot be read.
    """
    path = config.path
    if path is None:
        return config.source
    seen = _disk.setdefault(path, _Disk())
    found = os.stat(path)
    if not S_ISREG(found.st_mode):
        # A pipe that was read once has nothing more to say.
        return config.source
    stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    if stamp != seen.stamp:
        with regular_file(path) as file:
            # More does not load, whatever it says.
            text = file.read(CONFIG_BYTES + 1)
        seen.text = text.decode("utf-8", "surrogateescape")
        seen.stamp = stamp
    return seen.text


async def connections(engine: Engine, params: ConnectionsParams) -> Pieces:
    """Return the table of sessions, built in slices between which traffic flows.

    It stays in these slices until it is written: a megabyte in one piece takes the loop longer
    than its rows do.
    """
    wanted = _wanted(params)
    visible = frozenset(params.visible)
    engine.sampler.look(params.visible, time.monotonic())
    asks_queues = asks_held(f"{params.filter} {params.sort}")
    sessions = list(engine.registry.live.values())
    rows: list[ConnectionRow] = []
    parts: list[bytes] = []
    for start in range(0, len(sessions), SNAPSHOT_SLICE_ROWS):
        if start:
            await asyncio.sleep(SNAPSHOT_REST_S)
        now_s = time.monotonic()
        part = [
            connection_row(session, now_s, with_queues=asks_queues or session.id in visible)
            for session in sessions[start : start + SNAPSHOT_SLICE_ROWS]
            if not session.state.is_over
        ]
        part = list(filter(wanted, part)) if wanted else part
        if params.sort or params.limit is not None:
            rows += part
        elif part:
            parts.append(msgspec.json.encode(part)[1:-1])
    if rows:
        parts.append(msgspec.json.encode(_cut(rows, params))[1:-1])
    head = {
        "generation": engine.changes.generation,
        "total": len(engine.registry.live),
        "now_s": time.monotonic(),
    }
    parts = [part for part in parts if part]
    begin = msgspec.json.encode(head)[:-1] + b',"connections":['
    return Pieces([begin, *parts[:1], *(b"," + part for part in parts[1:]), b"]}"])


def _wanted(params: ConnectionsParams) -> Callable[[object], bool] | None:
    """Read the filter, and see that the field to sort by is one."""
    try:
        if params.sort:
            sort_value({}, params.sort.lstrip("-"))
    except UnknownField as error:
        raise CommandRefused(str(error), INVALID_PARAMS) from error
    return _filter(params.filter).matches if params.filter else None


def _filter(expression: str) -> Filter:
    try:
        return parse_filter(expression)
    except FilterError as error:
        raise CommandRefused(str(error), INVALID_PARAMS) from error


def _cut(rows: list[ConnectionRow], params: ConnectionsParams) -> list[ConnectionRow]:
    if params.sort:
        field = params.sort.lstrip("-")
        rows.sort(key=lambda row: sort_value(row, field), reverse=params.sort.startswith("-"))
    return rows[: params.limit]


def find_session(engine: Engine, session_id: int) -> Session:
    """Return a live session.

    Raises:
        CommandRefused: there is none, and whether there was one.
    """
    session = engine.registry.live.get(session_id)
    if session is None:
        was = any(closed.id == session_id for closed in engine.registry.closed.newest())
        what = "is closed already" if was else "is not there; `rsp ctl connections` lists them"
        raise CommandRefused(f"session {session_id} {what}")
    return session


def connection(engine: Engine, params: IdParams) -> ConnectionDetail:
    """Return all that is known of one session, also of the last closed ones."""
    session = engine.registry.live.get(params.id)
    if session is not None:
        now_s = time.monotonic()
        engine.sampler.look((params.id,), now_s)
        return connection_detail(session, engine.telemetry, engine.sampler, now_s)
    for closed in engine.registry.closed.newest():
        if closed.id == params.id:
            return closed_detail(closed, engine.telemetry)
    raise CommandRefused(
        f"session {params.id} is neither live nor among the last closed ones; "
        "`rsp ctl connections` lists the live ones"
    )


def decisions(engine: Engine, params: DecisionsParams) -> Decisions:
    """Return the last routing decisions, oldest first."""
    ring = engine.telemetry.decisions
    kept, dropped = ring.since(params.since, None if params.filter else params.limit)
    rows = [decision_row(seq, decided, engine.telemetry) for seq, decided in kept]
    if params.filter:
        rows = list(filter(_filter(params.filter).matches, rows))
        rows = rows[max(len(rows) - params.limit, 0) :] if params.limit is not None else rows
    if params.with_inputs:
        held = {each.seq: each for each in ring.inputs(kept)}
        for row in rows:
            if row.seq in held:
                row.input = input_row(held[row.seq], engine.telemetry.redactor)
    return Decisions(rows, dropped, ring.recorded)


async def events(engine: Engine, params: EventsParams) -> Events:
    """Return what happened after `since`; when nothing has yet, wait for it if asked to."""
    ring = engine.telemetry.events
    if ring.recorded <= params.since and params.wait_s > 0:
        arrived = asyncio.Event()
        wake = engine.telemetry.listen(lambda _event: arrived.set())
        try:
            async with asyncio.timeout(min(params.wait_s, _LONGEST_WAIT_S)):
                await arrived.wait()
        except TimeoutError:
            pass
        finally:
            engine.telemetry.forget(wake)
    kept, dropped = ring.since(params.since, params.limit)
    rows = [event_row(seq, event, engine.telemetry) for seq, event in kept]
    return Events(rows, ring.recorded, dropped)


def backends(engine: Engine, _params: Params) -> Backends:
    """Return every pool with its backends."""
    dispatcher = engine.context.dispatcher
    layer = engine.changes.layer
    now, now_s = _live_bytes(engine), time.monotonic()
    redact = engine.telemetry.redactor.text
    pools = []
    for pool in dispatcher.table.pools.values():
        rows = []
        for backend in pool.backends:
            load = dispatcher.loads[backend.key]
            live_in, live_out = now.get(backend.key, (0, 0))
            error = load.error_at(backend.address)
            row = BackendRow(
                name=backend.name,
                address=backend.address,
                state=backend.state.value,
                weight=backend.weight,
                max_connections=backend.max_connections,
                sessions=load.sessions,
                last_error=error and redact(error),
                last_error_age_s=now_s - load.failed_at_s[-1] if error else None,
                idle_connections=engine.context.idle.count(backend),
                total=load.total,
                failures=load.failures,
                bytes_in=load.bytes_in + live_in,
                bytes_out=load.bytes_out + live_out,
                edited=layer.edited(backend),
            )
            rows.append(add_health(row, engine.context.health.book, backend, now_s))
        pools.append(engine.context.waiting.add_to(pool_row(pool, rows), pool))
    identities = engine.changes.config.identities
    return Backends(engine.changes.generation, pools, list(identities))


def _live_bytes(engine: Engine) -> dict[str, tuple[int, int]]:
    """Return what the exchanges under way have received from and sent to each backend so far."""
    found: dict[str, tuple[int, int]] = {}
    loads = engine.context.dispatcher.loads
    for session in engine.registry.live.values():
        speaker, connection = session.speaker, session.backend
        if not isinstance(speaker, Conversation | Relay) or connection is None:
            continue
        backend = speaker.pairing.backend
        # Not at one that has gone, and whose name another has by now.
        if backend is not None and speaker.pairing.load is loads[backend.key]:
            so_far_in, so_far_out = found.get(backend.key, (0, 0))
            found[backend.key] = (
                so_far_in + connection.bytes_in,
                so_far_out + connection.bytes_out,
            )
    return found


def edits(engine: Engine, _params: Params) -> Edits:
    """Return the live edits, what can be redone, and who made which generation."""
    changes = engine.changes
    present = [
        EditRow(each.generation, each.at, each.who, each.what) for each in changes.layer.edits
    ]
    undone = [
        EditRow(change.generation, change.at, change.who, change.what)
        for change in (step.change for step in changes.timeline.undone)
    ]
    history = [
        ChangeRow(each.generation, each.at, each.who, each.what, each.kind.value)
        for each in changes.history.changes()
    ]
    return Edits(present, undone, changes.next_undo(), history)


async def config(engine: Engine, _params: Params) -> ConfigSource:
    """Return the text that runs, and the text on disk with what is wrong with it."""
    running = engine.changes.config
    disk: str | None = None
    error: str | None = None
    error_line: int | None = None
    try:
        disk = _on_disk(running)
    except OSError as gone:
        error = f"cannot open {running.path}: {gone.strerror}"
    if disk == running.source:
        disk = None
    if disk is not None and running.path is not None:
        try:
            await asyncio.to_thread(load_config, running.path)
        except ConfigError as found:
            error, error_line = found.plain, found.line
    return ConfigSource(
        path=running.path,
        running=running.source,
        on_disk=disk,
        error=error,
        error_line=error_line,
        loaded_at=engine.telemetry.stamp(engine.changes.loaded_at_s),
        generation=engine.changes.generation,
    )
