"""What the declarations of a configuration alone give away: legal, and probably a mistake."""

import re
from collections.abc import Iterator

from rsp.core.backends import Backend, Pool
from rsp.core.config import Config
from rsp.core.linting.finding import Finding
from rsp.core.moving import moved_by_modulo, moved_by_rendezvous
from rsp.core.vocabulary import BackendState, Severity


def findings_in(config: Config) -> list[Finding]:
    """Return what the declarations of `config` alone give away, in the order of the file."""
    return list(_findings(config))


def _findings(config: Config) -> Iterator[Finding]:
    if not config.listeners:
        yield Finding(
            "no_listener",
            Severity.WARNING,
            None,
            "there is no listener, so nobody can connect; "
            'add listen { address = "127.0.0.1:8080" }, or give --listen each time',
        )
    for pool in config.pools:
        yield from _pool_findings(pool, _pool_line(config.source, pool.name))
        yield from _shadowed(pool)


def _pool_findings(pool: Pool, line: int | None) -> Iterator[Finding]:
    if not pool.backends:
        yield Finding(
            "empty_pool",
            Severity.WARNING,
            line,
            f'pool "{pool.name}" has no backend, so every request to it gets 503; '
            'add { name = "web1", address = "127.0.0.1:9001" } to its backends',
        )
    elif not any(backend.weight for backend in pool.backends):
        yield Finding(
            "weight_zero_pool",
            Severity.WARNING,
            line,
            f'every backend of pool "{pool.name}" has weight 0, so its policy picks none; '
            "give one of them a weight of 1 or more",
        )
    if pool.balance == "hash_mod" and pool.backends:
        yield Finding("modulo_hash", Severity.ADVICE, line, _modulo_advice(pool))


def _modulo_advice(pool: Pool) -> str:
    count = len(pool.backends)
    more = count + 1
    return (
        f'pool "{pool.name}" uses hash_mod: one backend more, {count} → {more}, moves '
        f"{moved_by_modulo(count, more):.0%} of all keys to another backend; with "
        f'balance = "hash" it is {moved_by_rendezvous(count, more):.0%}'
    )


def _shadowed(pool: Pool) -> Iterator[Finding]:
    """Yield the backends that are another one under a second name."""
    first: dict[str, Backend] = {}
    for backend in pool.backends:
        # Two listed states of one server may be on purpose: one of them takes no requests.
        if backend.state is not BackendState.READY or not backend.weight:
            continue
        other = first.setdefault(backend.address.lower(), backend)
        if other is not backend:
            yield Finding(
                "shadowed_backend",
                Severity.WARNING,
                _line_of_backend(backend),
                f"{backend.key} has the address of {other.key} ({backend.address}): both are one "
                f"server, which gets both their shares, and serves on as {backend.name} when "
                f"{other.name} is drained; give {backend.name} an address of its own, or give "
                f"{other.name} the weight {other.weight + backend.weight} and remove "
                f"{backend.name}",
            )


def _line_of_backend(backend: Backend) -> int | None:
    line = backend.defined_at.rpartition(":")[2]
    return int(line) if line.isdigit() else None


def _pool_line(source: str, name: str) -> int | None:
    pattern = re.compile(rf"""\bpool\s*\(\s*["']{re.escape(name)}["']""")
    for line, text in enumerate(source.splitlines(), 1):
        if pattern.search(text.partition("--")[0]):
            return line
    return None
