"""Recorded requests from a file of `rsp ctl decisions --export`, run through a configuration.

The file has no secrets: what was one is a mark there, the same for the same secret, so a `route`
that hashes it still tells requests apart, if not by the same number.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec

from rsp.core.backends import BackendTable
from rsp.core.config import ListenerConfig
from rsp.core.decision_rows import DecisionRow
from rsp.core.lua_limits import LINT_RECORDED
from rsp.core.route import RouteRequest
from rsp.core.vocabulary import Mode
from rsp.core.what_if import FAILED, NOBODY, with_examples
from rsp.core.what_if_rows import Example, InputRow, WhatIf
from rsp.core.wire import NOT_JSON
from rsp.engine.entrance import Entrance
from rsp.engine.lua_config import LoadedConfig
from rsp.engine.worker_jobs import Recorded, WhatIfJob, compare, fields_of, plan_of, request_of

_decode = msgspec.json.Decoder(DecisionRow).decode


class TrafficError(Exception):
    """The file cannot be used. The text names it, and the line."""


def compare_file(loaded: LoadedConfig, file: Path) -> WhatIf:
    """Return what the requests of `file` would do under a configuration.

    They are compared with where they went. Decisions without their inputs are counted apart.

    Raises:
        TrafficError: the file cannot be read, or a line of it is no decision.
    """
    recorded: list[Recorded] = []
    examples: list[Example] = []
    not_held = 0
    listeners: dict[str, str] = {}
    for row in _rows(file):
        if any(each.verdict == "tried before" for each in row.candidates):
            continue
        if row.input is None:
            not_held += 1
            continue
        found = row.input
        examples.append(Example(row.method, row.host, found.target))
        recorded.append(_recorded(row, found))
        if found.listener not in listeners:
            pool = _pool_of_listener(loaded, found.listener, is_tcp=not row.method)
            if pool is not None:
                listeners[found.listener] = pool
    config = loaded.config
    table = BackendTable.of(config.pools, 0)
    plan = plan_of(config.source_bytes, config.path, loaded.router is not None, table, listeners)
    answer = compare(WhatIfJob(None, plan), recorded)
    answer.not_held = not_held
    for key, share in answer.shares.items():
        share.before = sum(each.went == key for each in recorded) / len(recorded)
    return with_examples(answer, examples)


def requests_in(file: Path) -> list[RouteRequest]:
    """Return the newest requests of `file` that differ, for whoever tries a `route` on them.

    Raises:
        TrafficError: the file cannot be read, or a line of it is no decision.
    """
    found: dict[tuple[str, str, str], Recorded] = {}
    for row in reversed(list(_rows(file))):
        # A tcp session has no method, and `route` is not asked about it.
        if row.input is not None and row.method and len(found) < LINT_RECORDED:
            found.setdefault((row.method, row.host, row.input.target), _recorded(row, row.input))
    return [request_of(each, fields_of(cast(bytes, each.block))) for each in found.values()]


def _recorded(row: DecisionRow, found: InputRow) -> Recorded:
    return Recorded(
        row.method, row.host, _bytes(found.target), _block(found.fields), found.client,
        found.listener, _went(row),
    )  # fmt: skip


def _rows(file: Path) -> Iterator[DecisionRow]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise TrafficError(f"cannot read {file}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _decode(line)
        except NOT_JSON as error:
            raise TrafficError(
                f"{file}:{number}: not a decision ({error}); "
                "`rsp ctl decisions --export FILE` writes such a file"
            ) from error


def _went(row: DecisionRow) -> str:
    if row.backend is not None:
        return f"{row.pool}/{row.backend}"
    return FAILED if row.reason == "route failed" else NOBODY


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _block(fields: list[tuple[str, str]]) -> bytes:
    return b"".join(_bytes(f"{name}: {value}\r\n") for name, value in fields)


def _pool_of_listener(loaded: LoadedConfig, address: str, *, is_tcp: bool) -> str | None:
    """Return the pool of the listener with that address, else of the first of its mode.

    Empty where `route` is asked; None: there is none. Ports differ where they are left to the
    kernel.
    """
    if not loaded.config.listeners:
        # It is to be started with --listen.
        return ""
    mode = Mode.TCP if is_tcp else Mode.HTTP
    some = [each for each in loaded.config.listeners if each.mode is mode]
    found: ListenerConfig | None = next((each for each in some if each.address == address), None)
    found = found or (some[0] if some else None)
    if found is None:
        return None
    router = Entrance(address, found, tuple(pool.name for pool in loaded.config.pools)).router
    return router.pool if router else ""
