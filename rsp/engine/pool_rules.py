"""What `pool(…)` must look like: from what Lua declared to a `Pool`, or a refusal."""

import re
from collections.abc import Iterable

from rsp.core.addresses import EditRefused
from rsp.core.backends import (
    NAME_RULE,
    Backend,
    Pool,
    QueueRules,
    StickyRules,
    check_backend,
    is_name,
)
from rsp.core.http1.cookies import is_cookie_name
from rsp.core.limits import QUEUE_LENGTH_MOST, TIMER_TICK_S
from rsp.core.vocabulary import BackendState, ProxyVersion
from rsp.engine.health_section import check_fallback, ejection, health_check
from rsp.engine.lua_sandbox import Declaration, Plain
from rsp.engine.schema import BACKEND, POOL, QUEUE, STICKY
from rsp.engine.section import Place, Section, line_of

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


def pools_from(path: str, source: str, calls: Iterable[Declaration]) -> tuple[Pool, ...]:
    """Return the pools that the file `path` declares, in its order.

    Raises:
        ConfigError: the first one that cannot be used.
    """
    pools: dict[str, Pool] = {}
    places: dict[str, Place] = {}
    for call in calls:
        place = Place(path, call.line)
        name = call.name or ""
        if not is_name(name):
            raise place.refuse(f'"{name}" cannot name a pool: {NAME_RULE}')
        if name in pools:
            raise place.refuse(f'pool "{name}" is there twice; give one of them another name')
        pools[name] = _pool(Section(place, f'pool "{name}"', call.value, POOL), source, name)
        places[name] = place
    for pool in pools.values():
        check_fallback(places[pool.name], pool, pools)
    return tuple(pools.values())


def _pool(section: Section, source: str, name: str) -> Pool:
    balance = section.text("balance")
    host = section.text("host")
    if not _HOST.fullmatch(host):
        raise section.wrong(
            f'host is "{host}"; it is "keep" (what the client sent), '
            '"backend" (the address of the backend), or a host name'
        )
    backends: dict[str, Backend] = {}
    listed = section.entries("backends", '{ name = "web1", address = "127.0.0.1:9001" }')
    for number, entry in enumerate(listed, 1):
        backend = _backend(section.place, source, name, number, entry)
        if backend.name in backends:
            raise section.wrong(f'backend "{backend.name}" is there twice; give one another name')
        backends[backend.name] = backend
    send_proxy = section.optional_text("send_proxy")
    return Pool(
        name,
        tuple(backends.values()),
        balance,
        host,
        ProxyVersion(send_proxy) if send_proxy else None,
        section.truth("forwarded"),
        health_check(section),
        ejection(section),
        section.seconds("slow_start", least=0),
        section.optional_text("fallback") or "",
        queue=_queue(section),
        sticky=_sticky(section),
    )


def _sticky(section: Section) -> StickyRules | None:
    found = section.section("sticky", STICKY)
    if found is None:
        return None
    name, by = found.optional_text("cookie"), found.optional_text("by")
    if (name is None) == (by is None):
        raise found.wrong('write { cookie = "NAME" } or { by = "client" }')
    if name is not None and not is_cookie_name(name):
        raise found.wrong(
            f'"{name[:80]}" cannot name a cookie: use letters, digits, "_" and "-", and do not '
            'begin with "__"'
        )
    return StickyRules(name or "")


def _queue(section: Section) -> QueueRules | None:
    found = section.section("queue", QUEUE)
    if found is None:
        return None
    length = found.whole_number("length", least=1, most=QUEUE_LENGTH_MOST)
    return QueueRules(length, found.seconds("timeout", least=TIMER_TICK_S))


def _backend(place: Place, source: str, pool: str, number: int, entry: Plain) -> Backend:
    what = f'backend {number} of pool "{pool}"'
    if not isinstance(entry, dict):
        raise place.refuse(
            f'{what}: write a table: {{ name = "web1", address = "127.0.0.1:9001" }}'
        )
    section = Section(place, what, entry, BACKEND)
    name = section.text("name")
    section.what = f'backend "{pool}/{name}"'
    pattern = rf"""\bname\s*=\s*["']{re.escape(name)}["']"""
    backend = Backend(
        pool,
        name,
        section.text("address"),
        section.whole_number("weight"),
        section.whole_number("max_connections"),
        BackendState(section.text("state")),
        defined_at=f"{place.path}:{line_of(source, pattern, place.line, place.line)}",
    )
    try:
        check_backend(backend)
    except EditRefused as error:
        raise section.wrong(str(error)) from error
    return backend
