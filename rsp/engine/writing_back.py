"""`write-back`: the live edits go into the configuration file, and are no edits any more.

The new text is run in a runtime of its own before anything is written, and must say exactly what
is in force. The file must be as it was when it was loaded; its old text is kept beside it.
"""

import asyncio
import difflib
import os
from dataclasses import dataclass, replace

from rsp.core.config import Config, ConfigError
from rsp.core.differences import differences
from rsp.core.edits import EditLayer
from rsp.core.limits import CONFIG_BYTES
from rsp.core.params import WriteBackParams
from rsp.core.wire import CommandRefused
from rsp.core.write_back import says_the_same, write_back
from rsp.core.write_back_rows import WrittenBack
from rsp.engine.check import missed_expectations
from rsp.engine.lua_config import LoadedConfig, load_source
from rsp.engine.server import Engine
from rsp.engine.whole_file import regular_file, write_new, write_whole


@dataclass(frozen=True, slots=True)
class _Plan:
    """What would be written."""

    path: str
    """The file itself, whatever symbolic links lead to it."""
    old: bytes
    new: bytes
    loaded: LoadedConfig
    """The new text as it runs."""
    changed: list[str]
    diff: str
    missed: list[str]

    def check_unchanged(self) -> None:
        """Refuse when somebody else wrote the file meanwhile."""
        _check_unchanged(self.path, self.old)


async def write_back_edits(engine: Engine, params: WriteBackParams) -> WrittenBack:
    """Write the live edits to the file, or only say what that would change."""
    changes = engine.changes
    async with changes.alone(params.if_generation):
        plan = await asyncio.to_thread(_plan, changes.config, changes.layer)
        backup = None
        if not params.preview:
            changes.refuse_on_trial()
            backup = await asyncio.to_thread(_write, plan, changes.generation)
            what = f"wrote the live edits to {plan.path}; the old text is in {backup}"
            engine.settle(plan.loaded, what, who=params.who)
    return WrittenBack(
        changes.generation, plan.changed, plan.diff, not params.preview, backup, plan.missed
    )


def _plan(config: Config, layer: EditLayer) -> _Plan:
    """Return what would be written.

    Raises:
        CommandRefused: there is nothing to write, or it cannot be written.
        CannotWriteBack: the file computes what would have to change.
    """
    if config.path is None:
        raise CommandRefused("there is no configuration file to write to: `rsp init` makes one")
    if not layer.edits:
        raise CommandRefused(f"nothing to write: no live edit stands on top of {config.path}")
    path, old = os.path.realpath(config.path), config.source_bytes
    _check_unchanged(path, old)
    try:
        loaded_before = load_source(old, config.path)
        own = loaded_before.config
        text = write_back(own, layer)
        if text == own.source:
            raise CommandRefused(f"nothing to write: {config.path} says what is in force")
        loaded = load_source(_encoded(text), config.path)
    except ConfigError as error:
        raise CommandRefused(
            f"the new text would not load: {error}; nothing was written"
        ) from error
    _check_says(own, loaded.config, layer)
    table = EditLayer.of(layer.file_pools, 0).table
    changed = differences(config, table, config, layer.table)
    # Of a backend that was removed and added again only its place differs.
    changed = changed or [edit.what for edit in layer.edits]
    diff = _diff(config.path, own.source, text)
    # `route` may remember what it was asked: the one that is to run is not asked.
    asked = load_source(_encoded(text), config.path)
    missed = _no_longer_hold(loaded_before, asked)
    return _Plan(path, old, _encoded(text), loaded, changed, diff, missed)


def _no_longer_hold(before: LoadedConfig, after: LoadedConfig) -> list[str]:
    """Return what the `-- expect:` lines say that holds `before` and not `after`."""
    known = missed_expectations(before)
    return [
        f"line {finding.line}: {finding.message}"
        for expected, finding in missed_expectations(after).items()
        if expected not in known
    ]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _check_unchanged(path: str, loaded: bytes) -> None:
    try:
        with regular_file(path) as file:
            found = file.read(CONFIG_BYTES + 1)
    except OSError as error:
        raise CommandRefused(
            f"cannot read {path}: {error.strerror}; nothing was written"
        ) from error
    if found != loaded:
        raise CommandRefused(
            f"{path} was changed since it was loaded; nothing was written. Reload first: the live "
            "edits stay on top of it"
        )


def _check_says(own: Config, new: Config, layer: EditLayer) -> None:
    """See that the new text says what is in force, and else what the old one said."""
    running = layer.table.pools
    is_same = (
        len(new.source_bytes) <= CONFIG_BYTES
        and replace(new, source="", pools=()) == replace(own, source="", pools=())
        and [pool.name for pool in new.pools] == [pool.name for pool in own.pools]
        and all(says_the_same(pool, running[pool.name]) for pool in new.pools)
        and all(
            replace(one, backends=()) == replace(other, backends=())
            for one, other in zip(new.pools, own.pools, strict=True)
        )
    )
    if not is_same:
        raise CommandRefused(
            f"{own.path} cannot be written back: the new text would not say what is in force, "
            "for the file computes some of it. Nothing was written"
        )


def _diff(path: str, old: str, new: str) -> str:
    diff = "".join(difflib.unified_diff(_lines(old), _lines(new), path, path))
    # JSON has no place for what is no UTF-8.
    return _encoded(diff).decode("utf-8", "replace")


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    ends = [f"{last}\n\\ No newline at end of file\n"] if last else []
    return [f"{line}\n" for line in lines] + ends


def _write(plan: _Plan, generation: int) -> str:
    """Write the new text, and return where the old one is kept."""
    for place in (plan.path, os.path.dirname(plan.path)):
        if not os.access(place, os.W_OK):
            raise CommandRefused(
                f"the engine (uid {os.geteuid()}) may not write to {place}; nothing was written. "
                "Let that user write there, or take the diff of `write-back --preview`"
            )
    try:
        like = os.stat(plan.path)
        backup = write_new(f"{plan.path}.bak-{generation}", plan.old, like)
        try:
            write_whole(plan.path, plan.new, like, just_before=plan.check_unchanged)
        except BaseException:
            os.unlink(backup)
            raise
    except OSError as error:
        raise CommandRefused(
            f"cannot write {plan.path}: {error.strerror}; it is as it was"
        ) from error
    return backup
