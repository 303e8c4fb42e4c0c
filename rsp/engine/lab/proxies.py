"""What toxiproxy calls a proxy and a toxic, in our terms: a listener, and a fault of that listener.

Every listener is a proxy, named by its address; one that was created through the API has the name
that was given. Its upstream is the first backend of its pool. Its toxics are the faults whose scope
is this listener, whoever added them; it is not enabled while the fault `down` is among them.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from rsp.core.addresses import AddressError, EditRefused
from rsp.core.backends import Backend, Pool
from rsp.core.config import Config, ConfigError, ListenerConfig
from rsp.core.faults.gates import GATES
from rsp.core.faults.kinds import KINDS
from rsp.core.faults.toxiproxy import ApiError, ProxyBody, ToxicBody, read_proxies
from rsp.core.params import FaultAddParams, FaultRemoveParams
from rsp.core.vocabulary import CloseReason, Direction, Mode
from rsp.core.wire import CommandRefused
from rsp.engine.lab import commands
from rsp.engine.lab.fault import Fault
from rsp.engine.listener import Listener
from rsp.engine.nonblocking import CannotListen
from rsp.engine.server import Engine

WHO = "the toxiproxy API"
STREAMS = {"upstream": Direction.REQUEST, "downstream": Direction.RESPONSE}
_NAMES = {direction: stream for stream, direction in STREAMS.items()}
_TOXICS = frozenset(GATES) - {"half_close", "stop_at"}
"""What toxiproxy knows."""
_ODD = re.compile(r"[^A-Za-z0-9_.-]")
"""What a pool's name cannot have."""


@dataclass(frozen=True, slots=True)
class _Created:
    """A proxy that was created at run time."""

    listener: ListenerConfig
    pool: Pool


class Proxies:
    """The proxies of one engine, and their toxics."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._created: dict[str, _Created] = {}
        engine.extend = self._extend

    def _extend(self, config: Config) -> Config:
        """Return `config` with the proxies. Raises `ConfigError` when a name is there twice."""
        filed = {pool.name for pool in config.pools}
        for name, each in self._created.items():
            if each.pool.name in filed:
                raise ConfigError(
                    f"{config.path}: pool {each.pool.name} is there already: it is that of proxy "
                    f"{name}, which {WHO} made; rename the pool, or delete that proxy"
                )
        created = self._created.values()
        return replace(
            config,
            listeners=(*config.listeners, *(each.listener for each in created)),
            pools=(*config.pools, *(each.pool for each in created)),
        )

    # -- proxies

    def all(self) -> dict[str, Any]:
        """Return all proxies by their names, each with its toxics."""
        return {name: self.show(name) for name in self._listeners()}

    def show(self, name: str) -> dict[str, Any]:
        """Return one proxy with its toxics.

        Raises:
            ApiError: there is none of that name.
        """
        listener = self._listener(name)
        return {
            "name": name,
            "listen": listener.entrance.address,
            "upstream": self._upstream(listener),
            "enabled": not self._downs(listener),
            "toxics": self.toxics(name),
        }

    def _listeners(self) -> dict[str, Listener]:
        names = {each.listener.address: name for name, each in self._created.items()}
        return {
            names.get(listener.entrance.address, listener.entrance.address): listener
            for listener in self._engine.listeners.values()
        }

    def _listener(self, name: str) -> Listener:
        found = self._listeners().get(name)
        if found is None:
            raise ApiError("proxy not found", 404)
        return found

    def _upstream(self, listener: Listener) -> str:
        pools = self._engine.context.dispatcher.table.pools
        name = listener.entrance.config.pool or next(iter(pools), "")
        backends = pools[name].backends if name in pools else ()
        return backends[0].address if backends else ""

    async def create(self, body: ProxyBody) -> dict[str, Any]:
        """Listen for tcp clients, and send them upstream.

        Raises:
            ApiError: there is such a proxy, or it cannot be.
        """
        name = body.needed_name()
        upstream = body.needed_upstream()
        if name in self._listeners():
            raise ApiError("proxy already exists", 409)
        await self._put(name, body.listen_address(), upstream)
        if not body.is_enabled():
            self._disable(name)
        return self.show(name)

    async def _put(self, name: str, listen: str, upstream: str) -> None:
        """Create a proxy, or move it to another address or upstream."""
        old = self._created.get(name)
        pool = _ODD.sub("_", name)
        if old is None and pool in self._engine.context.dispatcher.table.pools:
            raise ApiError(f"proxy already exists: there is a pool {pool}", 409)
        config = ListenerConfig(listen, Mode.TCP, pool)
        backends = (Backend(pool, "upstream", upstream),)
        taken = Counter(address for address, _ in self._engine.listeners)
        key = (listen, 0 if old is not None and old.listener.address == listen else taken[listen])
        self._created[name] = _Created(config, Pool(pool, backends))
        try:
            await self._put_in_force(f"proxy {name}: {listen} to {upstream}")
        except ApiError:
            del self._created[name]
            if old is not None:
                self._created[name] = old
            raise
        address = self._engine.rename_listener(key)
        self._created[name] = replace(
            self._created[name], listener=replace(config, address=address)
        )

    async def _put_in_force(self, what: str) -> None:
        try:
            await self._engine.put_in_force(what, who=WHO)
        except (CannotListen, CommandRefused) as error:
            raise ApiError(str(error), 500) from error
        except AddressError as error:
            raise ApiError(f"bad request body: {error}", 400) from error
        except (ConfigError, EditRefused) as error:
            raise ApiError(str(error), 409) from error

    async def update(self, name: str, body: ProxyBody) -> dict[str, Any]:
        """Change where a proxy listens or sends to, or whether it is enabled.

        Raises:
            ApiError: there is no such proxy, or the configuration says where, or a live edit.
        """
        now = self.show(name)
        listen = body.listen_address() if body.listen else now["listen"]
        upstream = body.upstream or now["upstream"]
        if (listen, upstream) != (now["listen"], now["upstream"]):
            await self._put(name, listen, self._own_upstream(name, body.upstream, now["upstream"]))
            for fault in self._faults_at(now["listen"]):
                fault.scope.listener = self._created[name].listener.address
        if body.is_enabled(otherwise=now["enabled"]):
            self._enable(name)
        else:
            self._disable(name)
        return self.show(name)

    def _own_upstream(self, name: str, wanted: str, now: str) -> str:
        """Return where a proxy is to send to, but for live edits: they stay on top of that."""
        if name not in self._created:
            raise ApiError("bad request body: the configuration says where this listens", 400)
        (backend,) = self._created[name].pool.backends
        if wanted and wanted != now != backend.address:
            raise ApiError(
                f"a live edit of {backend.key} has the last word on where proxy {name} sends to: "
                "edit that again (rsp ctl backend), or delete the proxy and create it anew",
                409,
            )
        return wanted or backend.address

    async def delete(self, name: str) -> None:
        """Close a proxy that was created here.

        Raises:
            ApiError: there is none, it is of the configuration, or nothing may change now.
        """
        listener = self._listener(name)
        if name not in self._created:
            raise ApiError("bad request body: the configuration has this listener", 400)
        gone = self._created.pop(name)
        try:
            await self._put_in_force(f"proxy {name} deleted")
        except ApiError:
            self._created[name] = gone
            raise
        self._remove([*self._toxics(listener), *self._downs(listener)])
        # Toxiproxy closes the connections of a proxy that goes.
        for session in list(self._engine.registry.live.values()):
            if session.entrance.address == listener.entrance.address:
                session.because(CloseReason.INJECTED, f"proxy {name} was deleted")
                session.close(CloseReason.INJECTED, reset=True)

    async def populate(self, bodies: list[ProxyBody]) -> list[dict[str, Any]]:
        """Create or replace a list of proxies. Raises as `create` does, before anything is done."""
        found = []
        for name, body in read_proxies(bodies).items():
            if name in self._listeners():
                found.append(await self.update(name, body))
            else:
                found.append(await self.create(body))
        return found

    def reset(self) -> None:
        """Enable all proxies, and remove all toxics."""
        for listener in self._engine.listeners.values():
            self._remove([*self._toxics(listener), *self._downs(listener)])

    def _disable(self, name: str) -> None:
        listener = self._listener(name)
        if not self._downs(listener):
            address = listener.entrance.address
            self._add(FaultAddParams(kind="down", listener=address, who=WHO))

    def _enable(self, name: str) -> None:
        self._remove(self._downs(self._listener(name)))

    # -- toxics

    def toxics(self, name: str) -> list[dict[str, Any]]:
        """Return the toxics of a proxy. Raises `ApiError` when there is none of that name."""
        return [_toxic(fault) for fault in self._toxics(self._listener(name))]

    def toxic(self, proxy: str, name: str) -> dict[str, Any]:
        """Return one toxic. Raises `ApiError` when there is none."""
        return _toxic(self._find(proxy, name))

    def add_toxic(self, proxy: str, body: ToxicBody) -> dict[str, Any]:
        """Add a toxic.

        Raises:
            ApiError: there is one of that name, or it cannot be.
        """
        listener = self._listener(proxy)
        if body.stream not in STREAMS:
            raise ApiError("stream was invalid, can be either upstream or downstream", 400)
        if body.type not in _TOXICS:
            raise ApiError("invalid toxic type", 400)
        name = body.name or f"{body.type}_{body.stream}"
        if any(_name(fault) == name for fault in self._toxics(listener)):
            raise ApiError("toxic already exists", 409)
        # What is not given is 0 there, whatever our own default is.
        values = dict.fromkeys(KINDS[body.type].values, 0.0) | body.known_attributes()
        number = self._add(
            FaultAddParams(
                kind=body.type, listener=listener.entrance.address, name=name, values=values,
                direction=STREAMS[body.stream].value, toxicity=body.toxicity_or(1.0), who=WHO,
            )
        )  # fmt: skip
        return _toxic(commands.faults_of(self._engine).live[number])

    def change_toxic(self, proxy: str, name: str, body: ToxicBody) -> dict[str, Any]:
        """Give a toxic other values. Raises `ApiError` when there is none, or it cannot be."""
        old = self._find(proxy, name)
        values = old.values | body.known_attributes(old.kind)
        try:
            new = commands.made(
                self._engine,
                FaultAddParams(
                    kind=old.kind, listener=old.scope.listener, name=old.name, values=values,
                    direction=old.direction.value, toxicity=body.toxicity_or(old.toxicity),
                ),
            )  # fmt: skip
        except CommandRefused as error:
            raise ApiError(f"bad request body: {error}", 400) from error
        commands.faults_of(self._engine).replace(old, new)
        return _toxic(new)

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Remove a toxic. Raises `ApiError` when there is none."""
        self._remove([self._find(proxy, name)])

    def _find(self, proxy: str, name: str) -> Fault:
        for fault in self._toxics(self._listener(proxy)):
            if _name(fault) == name:
                return fault
        raise ApiError("toxic not found", 404)

    def _faults_at(self, address: str) -> list[Fault]:
        live = commands.faults_of(self._engine).live.values()
        return [fault for fault in live if fault.scope.listener == address]

    def _toxics(self, listener: Listener) -> list[Fault]:
        faults = self._faults_at(listener.entrance.address)
        return [fault for fault in faults if fault.kind in _TOXICS]

    def _downs(self, listener: Listener) -> list[Fault]:
        faults = self._faults_at(listener.entrance.address)
        return [fault for fault in faults if fault.kind == "down"]

    def _add(self, params: FaultAddParams) -> int:
        try:
            return commands.add(self._engine, params).id
        except CommandRefused as error:
            raise ApiError(f"bad request body: {error}", 400) from error

    def _remove(self, faults: list[Fault]) -> None:
        for fault in faults:
            try:
                commands.remove(self._engine, FaultRemoveParams(id=fault.id, who=WHO))
            except CommandRefused as error:
                raise ApiError(str(error), 500) from error


def _name(fault: Fault) -> str:
    return fault.name or f"{fault.kind}_{_NAMES[fault.direction]}"


def _toxic(fault: Fault) -> dict[str, Any]:
    return {
        "name": _name(fault),
        "type": fault.kind,
        "stream": _NAMES[fault.direction],
        "toxicity": fault.toxicity,
        "attributes": {key: _whole(value) for key, value in fault.values.items()},
    }


def _whole(value: float | str) -> float | str:
    return int(value) if isinstance(value, float) and value.is_integer() else value
