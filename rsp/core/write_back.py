"""Live edits written back: from the text of a configuration to one that says what runs.

The change is the least one: what is not edited stays byte for byte. What the file computes cannot
be written, and is refused with its place, the reason, and the text that would say the same. The
caller has the new text run before it trusts it.
"""

from collections.abc import Iterator, Sequence

from rsp.core.addresses import UNIX_PREFIX, EditRefused, parse_address
from rsp.core.backends import Backend, Pool, same_settings
from rsp.core.config import Config
from rsp.core.edits import EditLayer
from rsp.core.linting.lua_words import Word, words_in
from rsp.core.lua_entries import (
    FLAT,
    OPTIONAL,
    Style,
    entry_text,
    pool_text,
    quoted,
    style_of,
    value_text,
)
from rsp.core.lua_splices import Overlap, Splice, appended, removed, spliced
from rsp.core.lua_tables import Call, Field, Table, Unfinished, assignments_of, calls_of

_ORIGINAL = ("listenPort", "backendAddress", "backendPort")


class CannotWriteBack(EditRefused):
    """The file cannot be made to say it. The text is `file:line: why`, then what would."""


class _Cannot(Exception):
    """Why one pool cannot be written, and the line of the file that is in the way."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


def write_back(config: Config, layer: EditLayer) -> str:
    """Return the text of `config` changed so that it says what is in force in `layer`.

    `config` has the pools of its own text and no others.

    Raises:
        CannotWriteBack: some of it is computed, or not in the file at all.
    """
    words = list(words_in(config.source))
    splices: list[Splice] = []
    refusals: list[str] = []
    own = {pool.name: pool for pool in config.pools}
    for base in layer.file_pools:
        running = layer.table.pools[base.name]
        pool = own.get(base.name)
        if says_the_same(pool or base, running):
            continue
        try:
            if pool is None:
                raise _Cannot("it is not in the file, but was added at run time")
            splices += _pool_splices(config, words, pool, running)
        except (_Cannot, Unfinished) as error:
            refusals.append(_refusal(config, running, error))
    if not refusals:
        try:
            return spliced(config.source, splices)
        except Overlap:
            refusals = [f"{config.path}: two of the edits are about the same place of the file"]
    raise CannotWriteBack("\n".join([*refusals, "Nothing was written."]))


def says_the_same(one: Pool, other: Pool) -> bool:
    """Tell whether two pools have the same backends in the same order, with the same settings."""
    return [b.name for b in one.backends] == [b.name for b in other.backends] and all(
        map(same_settings, one.backends, other.backends)
    )


def _refusal(config: Config, running: Pool, error: _Cannot | Unfinished) -> str:
    why, line = "a table in the file has no end", None
    if isinstance(error, _Cannot):
        why, line = str(error), error.line
    place = f"{config.path}:{line}" if line else f"{config.path}"
    port = _original_port(config)
    return (
        f'{place}: pool "{running.name}" cannot be written back: {why}. This would say it:\n'
        f"{pool_text(running, port)}"
    )


def _original_port(config: Config) -> str | None:
    """Return the `listenPort` of the C original's form; None in the full form."""
    words = list(words_in(config.source))
    if any(calls_of(words, "pool")) or not assignments_of(words, "backendAddress"):
        return None
    return config.listeners[0].address.rpartition(":")[2] if config.listeners else None


def _pool_splices(
    config: Config, words: Sequence[Word], pool: Pool, running: Pool
) -> Iterator[Splice]:
    calls = [call for call in calls_of(words, "pool") if call.text == pool.name]
    if not calls and assignments_of(words, "backendAddress"):
        yield from _original_splices(config.source, words, pool, running)
    elif not calls:
        raise _Cannot("its name is computed", _line_of(pool))
    elif len(calls) > 1:
        lines = " and ".join(str(call.line) for call in calls)
        raise _Cannot(f"it is written more than once, in lines {lines}", calls[0].line)
    else:
        yield from _call_splices(config.source, calls[0], pool, running)


def _line_of(pool: Pool) -> int | None:
    place = pool.backends[0].defined_at.rpartition(":")[2] if pool.backends else ""
    return int(place) if place.isdigit() else None


def _call_splices(source: str, call: Call, pool: Pool, running: Pool) -> Iterator[Splice]:
    settings = call.table
    if settings is None:
        raise _Cannot("its settings are computed: they are no table written there", call.line)
    lists = settings.named("backends")
    if not lists and not settings.has_unknown:
        entries = ", ".join(entry_text(backend, FLAT) for backend in running.backends)
        yield from appended(source, settings, [f"backends = {{ {entries} }}"])
        return
    if len(lists) != 1:
        why = "more than once" if lists else "under a name that is computed"
        raise _Cannot(f"its backends are written {why}", call.line)
    listed = lists[0].table
    if listed is None:
        raise _Cannot("its backends are computed: they are no list written there", lists[0].line)
    yield from _list_splices(source, listed, pool, running)


def _list_splices(source: str, listed: Table, pool: Pool, running: Pool) -> Iterator[Splice]:
    kept, added = _kept_and_added(pool, running)
    leaving = []
    for backend in pool.backends:
        if backend.name not in kept:
            leaving.append(_entry(listed, backend)[0])
        elif not same_settings(backend, kept[backend.name]):
            entry = _entry(listed, backend)[1]
            yield from _entry_splices(source, entry, backend, kept[backend.name])
    yield from removed(source, listed, leaving, is_replaced=bool(added))
    if added and listed.has_unknown:
        raise _Cannot("its list of backends has places that are computed", listed.opening.line)
    style = _style_of_last(source, listed, leaving)
    yield from appended(source, listed, [entry_text(each, style) for each in added], leaving)


def _style_of_last(source: str, listed: Table, leaving: Sequence[Field]) -> Style:
    """Return how the last entry that stays is written; when none does, how the last one was."""
    tables = [field.table for field in listed.fields if field not in leaving]
    tables = tables or [field.table for field in listed.fields]
    last = next((table for table in reversed(tables) if table is not None), None)
    return style_of(source, last) if last is not None else FLAT


def _kept_and_added(pool: Pool, running: Pool) -> tuple[dict[str, Backend], list[Backend]]:
    """Return the backends that keep their entry, and those that stand behind them.

    A backend that was removed and added again is last now, and its order counts.
    """
    places = {backend.name: place for place, backend in enumerate(pool.backends)}
    kept: dict[str, Backend] = {}
    last = -1
    for backend in running.backends:
        place = places.get(backend.name, -1)
        if place <= last:
            break
        kept[backend.name] = backend
        last = place
    return kept, list(running.backends[len(kept) :])


def _entry(listed: Table, backend: Backend) -> tuple[Field, Table]:
    found = []
    for field in listed.fields:
        table = field.table if field.name is None else None
        if table is not None and any(each.text == backend.name for each in table.named("name")):
            found.append((field, table))
    if not found:
        why = f"backend {backend.name} is computed: no entry is written there with its name"
        raise _Cannot(why, listed.opening.line)
    if len(found) > 1:
        raise _Cannot(f"backend {backend.name} is written more than once", found[1][0].line)
    return found[0]


def _entry_splices(source: str, entry: Table, before: Backend, after: Backend) -> Iterator[Splice]:
    new = []
    style = style_of(source, entry)
    for name in ("address", *OPTIONAL):
        value = getattr(after, name)
        if value == getattr(before, name):
            continue
        found = entry.named(name)
        if len(found) > 1 or (not found and entry.has_unknown):
            why = "written more than once" if found else "under a name that is computed"
            raise _Cannot(f"{name} of backend {after.name} is {why}", entry.opening.line)
        if not found:
            new.append(f"{name}{style.equals}{value_text(value, style)}")
        elif found[0].is_literal:
            word = found[0].words[0]
            text = quoted(value, source[word.start]) if isinstance(value, str) else f"{value}"
            yield Splice(word.start, word.end, text)
        else:
            raise _Cannot(f"{name} of backend {after.name} is computed", found[0].line)
    yield from appended(source, entry, new)


def _original_splices(
    source: str, words: Sequence[Word], pool: Pool, running: Pool
) -> Iterator[Splice]:
    """The three globals of the C original: an address can be written there and nothing else."""
    line = _line_of(pool)
    before, after = pool.backends[0], running.backends[0] if len(running.backends) == 1 else None
    if after is None or not _only_moved(before, after):
        raise _Cannot(f"{', '.join(_ORIGINAL)} can say one address and nothing more", line)
    if after.address.startswith(UNIX_PREFIX):
        raise _Cannot("backendAddress and backendPort cannot say the path of a unix socket", line)
    host, port = parse_address(after.address)
    old_host, old_port = parse_address(before.address)
    if host != old_host:
        yield _global_splice(source, words, "backendAddress", host)
    if port != old_port:
        yield _global_splice(source, words, "backendPort", str(port))


def _only_moved(before: Backend, after: Backend) -> bool:
    return before.name == after.name and all(
        getattr(before, name) == getattr(after, name) for name in OPTIONAL
    )


def _global_splice(source: str, words: Sequence[Word], name: str, value: str) -> Splice:
    found = assignments_of(words, name)
    if len(found) != 1:
        raise _Cannot(f"{name} is set more than once, or not by its name", None)
    word, is_literal = found[0]
    if not is_literal:
        raise _Cannot(f"{name} is computed", word.line)
    return Splice(word.start, word.end, quoted(value, source[word.start]))
