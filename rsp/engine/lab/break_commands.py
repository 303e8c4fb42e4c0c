"""The commands `break add`, `list` and `remove`, `step`, `continue` and `pending`."""

import binascii

from rsp.core.breaks.expression import BadBreak, parse_break
from rsp.core.breaks.rows import BreakAdded, BreakRow, BreaksRemoved, BreaksReply, PendingReply
from rsp.core.lab_limits import BREAK_GOES_ON_S, PENDING_SHOWN_BYTES
from rsp.core.params import (
    BreakAddParams,
    BreakRemoveParams,
    ContinueParams,
    Params,
    PendingParams,
    StepParams,
)
from rsp.core.peek import Peek
from rsp.core.replies import Done
from rsp.core.vocabulary import Side
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.connection import Connection
from rsp.engine.lab.brake import Brake
from rsp.engine.lab.laboratory import lab_of
from rsp.engine.lab.naming import chosen
from rsp.engine.looking import find_session
from rsp.engine.server import Engine


def add(engine: Engine, params: BreakAddParams) -> BreakAdded:
    """Put a breakpoint in force."""
    if params.for_s is not None and not params.for_s > 0:
        raise CommandRefused("for takes more than 0 seconds", INVALID_PARAMS)
    goes_on_after_s = params.for_s if params.for_s is not None else BREAK_GOES_ON_S
    try:
        expression = parse_break(params.expression)
        breakpoints = lab_of(engine).breakpoints
        added = breakpoints.add(expression, None if params.hold else goes_on_after_s)
    except BadBreak as error:
        raise CommandRefused(str(error), INVALID_PARAMS) from error
    engine.note(f"{added} added by {params.who}")
    return BreakAdded(added.id, str(added))


def listed(engine: Engine, params: Params) -> BreaksReply:
    """Return all breakpoints in force."""
    if engine.context.lab is None:
        return BreaksReply([])
    breakpoints = lab_of(engine).breakpoints
    stopped = breakpoints.stopped()
    return BreaksReply(
        [
            BreakRow(
                each.id, each.expression.text, each.hits,
                [brake.session.id for brake in stopped
                 if brake.stop is not None and brake.stop.breakpoint is each],
                each.goes_on_after_s,
            )
            for each in breakpoints.live.values()
        ]
    )  # fmt: skip


def remove(engine: Engine, params: BreakRemoveParams) -> BreaksRemoved:
    """Take one breakpoint away, or all; who is stopped at it goes on."""
    breakpoints = lab_of(engine).breakpoints
    live = dict(breakpoints.live)
    wanted = chosen(live, params.id, "breakpoint")
    for number in wanted:
        breakpoints.remove(number)
        engine.note(f"{live[number]} removed by {params.who}")
    said = ", ".join(f"{live[number]}" for number in wanted)
    return BreaksRemoved(wanted, f"removed {said}" if said else "there were none")


def _stopped(engine: Engine, number: int) -> Brake:
    find_session(engine, number)
    brake = lab_of(engine).breakpoints.stopped_one(number)
    if brake is None:
        raise CommandRefused(
            f"session {number} is not stopped at a breakpoint; `rsp ctl break list` says who is"
        )
    return brake


def _side(name: str | None) -> Side | None:
    if name is not None and name not in list(Side):
        raise CommandRefused(f'no side "{name}"; there are client and backend', INVALID_PARAMS)
    return Side(name) if name is not None else None


def step(engine: Engine, params: StepParams) -> Done:
    """Let a stopped session make one call."""
    brake, side = _stopped(engine, params.id), _side(params.side)
    if params.kind == "read":
        done, without = brake.read_once(side), "there is nothing to read, or no room for it"
    elif params.kind == "write":
        done, without = brake.write_once(side), "nothing may be sent, or there is no room for it"
    elif params.kind == "event":
        done = brake.next_event() or "waits for the next event"
        without = ""
    else:
        raise CommandRefused(
            f'no step "{params.kind}"; there are read, write and event', INVALID_PARAMS
        )
    if not done:
        raise CommandRefused(f"session {params.id}: {without}")
    lab_of(engine).breakpoints.wait_anew(brake)
    return Done(f"session {params.id}: {done}")


def go_on(engine: Engine, params: ContinueParams) -> Done:
    """Let a stopped session go on, or all of them."""
    if params.id is None and not params.all:
        raise CommandRefused("continue takes the id of a session, or --all", INVALID_PARAMS)
    breakpoints = lab_of(engine).breakpoints
    if params.all:
        brakes = breakpoints.stopped()
    else:
        brakes = [_stopped(engine, params.id)] if params.id is not None else []
    for brake in brakes:
        breakpoints.go_on(brake, "somebody said so")
    numbers = ", ".join(str(brake.session.id) for brake in brakes)
    return Done(f"goes on: {numbers}" if numbers else "no session was stopped")


def pending(engine: Engine, params: PendingParams) -> PendingReply:
    """Return what waits to be sent to one side of a stopped session, perhaps changed before."""
    brake, side = _stopped(engine, params.id), _side(params.side)
    found = [each for each in brake.sides if each.side is side]
    if not found:
        raise CommandRefused(f"session {params.id} has no {params.side} connection at this moment")
    connection = found[0]
    data = connection.unsent.data
    done = ""
    if params.set is not None:
        new = _bytes(params.set)
        at = params.at
        if at < 0 or at + len(new) > len(data):
            raise CommandRefused(
                f"session {params.id}: {len(new)} bytes at offset {at} do not fit into the "
                f"{len(data):,} that wait for the {params.side}; their number cannot be changed",
                INVALID_PARAMS,
            )
        old = bytes(data[at : at + len(new)])
        data[at : at + len(new)] = new
        changed = sum(before != after for before, after in zip(old, new, strict=True))
        done = f"{changed} of the bytes that wait for the {params.side} changed, from offset {at}"
        brake.tell(f"edited by {params.who}: {done}")
        lab_of(engine).breakpoints.wait_anew(brake)
    shown = _shown(brake, connection)[params.first : params.first + PENDING_SHOWN_BYTES]
    return PendingReply(
        params.id, params.side, connection.bytes_out, len(data), params.first, shown.hex(), done
    )


def _shown(brake: Brake, connection: Connection) -> bytes:
    """Return what waits, without secrets: of a head that has gone in part, its first line may be
    the rest of one."""
    session = brake.session
    pipe = session.request_pipe if connection is session.backend else session.response_pipe
    waits = Peek(len(connection.unsent) > pipe.moved_bytes, most_bytes=len(connection.unsent))
    waits.take(bytes(connection.unsent.data))
    return waits.shown_bytes()


def _bytes(text: str) -> bytes:
    try:
        return binascii.unhexlify("".join(text.split()))
    except (binascii.Error, ValueError) as error:
        raise CommandRefused(f"set takes bytes as hex digits: {error}", INVALID_PARAMS) from error
