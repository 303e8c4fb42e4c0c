"""What `rsp check` finds in a configuration that loads: legal, and probably a mistake."""

import re
from collections.abc import Iterator

import msgspec

from rsp.core.backends import Pool
from rsp.core.config import Config
from rsp.core.vocabulary import Severity


class Finding(msgspec.Struct, frozen=True):
    """One thing that `rsp check` has to say."""

    rule: str
    severity: Severity
    line: int | None
    """Counted from 1; null when it is about the file as a whole."""
    message: str


class CheckReport(msgspec.Struct, frozen=True):
    """`check`: a file and what was found in it."""

    file: str
    findings: list[Finding]


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
    if pool.balance == "hash_mod":
        yield Finding(
            "modulo_hash",
            Severity.ADVICE,
            line,
            f'pool "{pool.name}" uses hash_mod: another number of backends moves nearly every '
            'key to another backend; balance = "hash" moves only the share of the one that changed',
        )


def _pool_line(source: str, name: str) -> int | None:
    pattern = re.compile(rf"""\bpool\s*\(\s*["']{re.escape(name)}["']""")
    for line, text in enumerate(source.splitlines(), 1):
        if pattern.search(text.partition("--")[0]):
            return line
    return None
