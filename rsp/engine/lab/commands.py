"""The commands `fault add`, `fault list` and `fault remove`."""

from typing import NoReturn

from rsp.core.faults.kinds import KINDS, BadFault, FaultFamily, kind_named, read_values
from rsp.core.faults.rows import FaultAdded, FaultRow, FaultsRemoved, FaultsReply
from rsp.core.lab_limits import NAME_CHARACTERS
from rsp.core.params import FaultAddParams, FaultRemoveParams, Params
from rsp.core.vocabulary import Direction, EventLevel
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.lab.fault import Fault, Scope
from rsp.engine.lab.faults import Faults
from rsp.engine.lab.laboratory import lab_of
from rsp.engine.lab.naming import chosen
from rsp.engine.nonblocking import CannotListen
from rsp.engine.server import Engine


def faults_of(engine: Engine) -> Faults:
    """Return the faults of an engine; from now on its sessions ask for theirs."""
    return lab_of(engine).faults


def add(engine: Engine, params: FaultAddParams) -> FaultAdded:
    """Put a fault in force."""
    fault = made(engine, params)
    faults_of(engine).add(fault)
    engine.note(f"fault {fault.id} added by {params.who}: {fault.sentence()}", EventLevel.WARN)
    return FaultAdded(fault.id, fault.sentence())


def made(engine: Engine, params: FaultAddParams) -> Fault:
    """Return a fault that is not in force yet.

    Raises:
        CommandRefused: it cannot be.
    """
    try:
        return _fault(engine, params)
    except BadFault as error:
        raise CommandRefused(str(error), INVALID_PARAMS) from error


def _fault(engine: Engine, params: FaultAddParams) -> Fault:
    kind_named(params.kind)
    values = read_values(params.kind, params.values)
    if params.direction not in list(Direction):
        _refuse(f'no direction "{params.direction}"; there are request and response')
    if params.every < 1 or params.first < 0 or not 0 <= params.toxicity <= 1:
        _refuse("every takes 1 or more, first 0 or more, toxicity a share from 0 to 1")
    if len(params.name) > NAME_CHARACTERS:
        _refuse(f"the name of a fault has {NAME_CHARACTERS} characters at most")
    scope = Scope(params.listener, params.pool, params.backend, params.session)
    _check(engine, scope)
    if KINDS[params.kind].family is FaultFamily.SERVICE:
        _check_service(params)
    return Fault(
        faults_of(engine).number(), params.kind, values, scope, Direction(params.direction),
        params.first, params.every, params.toxicity, params.seed, params.name,
    )  # fmt: skip


def _check_service(params: FaultAddParams) -> None:
    """A door is open or shut: it cannot be shut for every third client, or for a share of them."""
    if params.every != 1 or params.first or params.toxicity != 1:
        _refuse(f"{params.kind} takes no first, every or toxicity")
    if params.session is not None:
        _refuse(f"{params.kind} cannot be for one session; to end that, close it")


def _check(engine: Engine, scope: Scope) -> None:
    """Refuse a scope that names what is not there: nobody would ever meet the fault."""
    pools = engine.context.dispatcher.table.pools
    if scope.pool is not None and scope.pool not in pools:
        _refuse(f'no pool "{scope.pool}"; there are {", ".join(pools)}')
    keys = [backend.key for pool in pools.values() for backend in pool.backends]
    if scope.backend is not None and scope.backend not in keys:
        _refuse(f'no backend "{scope.backend}"; there are {", ".join(keys)}')
    entrances = [listener.entrance for listener in engine.listeners.values()]
    if not any(scope.has_entrance(entrance) for entrance in entrances):
        addresses = ", ".join(entrance.address for entrance in entrances)
        _refuse(f'no listener "{scope.listener}"; there are {addresses}')
    if scope.session is not None and scope.session not in engine.registry.live:
        _refuse(f"no session {scope.session} is open")


def _refuse(why: str) -> NoReturn:
    raise BadFault(why)


def listed(engine: Engine, params: Params) -> FaultsReply:
    """Return all faults in force."""
    live = faults_of(engine).live.values() if engine.context.lab is not None else ()
    return FaultsReply([row(fault) for fault in live])


def row(fault: Fault) -> FaultRow:
    """Return a fault as whoever looks sees it."""
    scope = fault.scope
    return FaultRow(
        fault.id, fault.kind, fault.name, fault.values, fault.direction.value,
        scope.listener, scope.pool, scope.backend, scope.session,
        fault.first, fault.every, fault.toxicity, fault.seed, fault.touched, fault.sentence(),
    )  # fmt: skip


def remove(engine: Engine, params: FaultRemoveParams) -> FaultsRemoved:
    """Take one fault away, those of a name, or all."""
    live = dict(faults_of(engine).live) if engine.context.lab is not None else {}
    is_name = str(params.id) not in ("all", *map(str, live))
    named = [number for number, fault in live.items() if is_name and fault.name == params.id]
    wanted = named or chosen(live, params.id, "fault")
    for number in wanted:
        try:
            faults_of(engine).remove(live[number])
        except CannotListen as error:
            raise CommandRefused(f"fault {live[number]} stays: {error}") from error
        engine.note(f"fault {live[number]} removed by {params.who}")
    return FaultsRemoved(wanted)
