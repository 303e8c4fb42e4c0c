"""What `health`, `eject` and `fallback` of a pool must look like, or a refusal."""

import re
from collections.abc import Mapping, Sequence

from rsp.core.backends import Pool
from rsp.core.health_rules import Ejection, HealthCheck, Statuses, statuses
from rsp.core.limits import TIMER_TICK_S
from rsp.engine.limit_rules import nearest
from rsp.engine.schema import EJECT, HEALTH
from rsp.engine.section import Place, Section

_TARGET = re.compile(r"/[\x21-\x7e]*")
_HOST = re.compile(r"[\x21-\x7e]+")
_ASKED = ("path", "expect", "host")


def health_check(pool: Section) -> HealthCheck | None:
    """Return how the backends of a pool are checked; None where it does not say so.

    Raises:
        ConfigError: it cannot be done so.
    """
    section = pool.section("health", HEALTH)
    if section is None:
        return None
    is_tcp = section.truth("tcp")
    for name in _ASKED if is_tcp else ():
        if name in section:
            raise section.wrong(f"{name} has no meaning with tcp = true, for nothing is asked")
    path, host = section.text("path"), section.optional_text("host") or ""
    if not _TARGET.fullmatch(path):
        raise section.wrong(f'path is "{path[:80]}"; it begins with "/" and has no blanks')
    if host and not _HOST.fullmatch(host):
        raise section.wrong(f'host is "{host[:80]}"; it must be the name that is asked for')
    return HealthCheck(
        path,
        is_tcp,
        section.seconds("interval", least=TIMER_TICK_S),
        section.seconds("timeout", least=TIMER_TICK_S),
        section.whole_number("rise", least=1),
        section.whole_number("fall", least=1),
        _statuses(section, "expect"),
        host,
    )


def ejection(pool: Section) -> Ejection | None:
    """Return when a backend of a pool is left out; None where it does not say so.

    Raises:
        ConfigError: it cannot be done so.
    """
    section = pool.section("eject", EJECT)
    if section is None:
        return None
    first_s = section.seconds("seconds", least=TIMER_TICK_S)
    return Ejection(
        section.whole_number("errors", least=1),
        _statuses(section, "statuses"),
        first_s,
        section.seconds("most", least=first_s),
    )


def _statuses(section: Section, name: str) -> Statuses:
    try:
        return statuses(section.text(name))
    except ValueError as error:
        raise section.wrong(f'{name}: {error}; write "200-399", or "200, 204"') from error


def check_fallback(place: Place, pool: Pool, pools: Mapping[str, Pool]) -> None:
    """See that the fallback of a pool is there, and that its fallbacks come to an end.

    Raises:
        ConfigError: it is not, or they do not.
    """
    seen: Sequence[str] = (pool.name,)
    while pool.fallback:
        if pool.fallback not in pools:
            known = nearest(pool.fallback, tuple(pools))
            raise place.refuse(
                f'pool "{pool.name}": fallback "{pool.fallback[:80]}" is not there; {known}'
            )
        seen = (*seen, pool.fallback)
        pool = pools[pool.fallback]
        if pool.name in seen[:-1]:
            raise place.refuse(f"the fallbacks {' → '.join(seen)} never end; take one of them out")
