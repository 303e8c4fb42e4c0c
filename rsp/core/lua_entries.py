"""A backend as an entry of a Lua list, written in the hand of its neighbours."""

import re
from dataclasses import dataclass

from rsp.core.backends import Backend, Pool
from rsp.core.lua_tables import Table

OPTIONAL: dict[str, object] = {
    name: Backend.__dataclass_fields__[name].default
    for name in ("weight", "max_connections", "state")
}
"""What an entry may leave out, and what it is then."""

_BETWEEN = re.compile(r"[ \t]*[,;]\s*")
_BEHIND = re.compile(r"[ \t]*[,;]?\s*")


@dataclass(frozen=True, slots=True)
class Style:
    """What stands around the names and values of an entry."""

    quote: str = '"'
    equals: str = " = "
    opening: str = " "
    """After `{`: blanks, or the end of the line and the indent of the next."""
    between: str = ", "
    closing: str = " "
    """Before `}`, with a separator where the last field has one."""


FLAT = Style()


def style_of(source: str, entry: Table) -> Style:
    """Return how `entry` is written; what a comment is in the way of is written as usual."""
    if not entry.fields:
        return FLAT
    first, last = entry.fields[0], entry.fields[-1]
    word = first.words[0]
    quotes = [field.words[0].start for field in entry.fields if field.text is not None]
    quote = source[quotes[0]] if quotes else FLAT.quote
    is_plain = first.name and source.startswith(first.name, first.start)
    equals = source[first.start + len(first.name or "") : word.start] if is_plain else FLAT.equals
    opening = source[entry.opening.end : first.start]
    if opening.strip():
        return Style(quote if quote in "\"'" else FLAT.quote, equals)
    between = source[first.end : entry.fields[1].start] if len(entry.fields) > 1 else ""
    closing = source[last.end : entry.closing.start]
    return Style(
        quote if quote in "\"'" else FLAT.quote,
        equals,
        opening,
        between if _BETWEEN.fullmatch(between) else f",{opening or ' '}",
        closing if _BEHIND.fullmatch(closing) else opening,
    )


def entry_text(backend: Backend, style: Style = FLAT) -> str:
    """Return `backend` as an entry; what is as it would be anyway is left out."""
    values: dict[str, object] = {"name": backend.name, "address": backend.address}
    for name, default in OPTIONAL.items():
        if getattr(backend, name) != default:
            values[name] = getattr(backend, name)
    fields = [f"{name}{style.equals}{value_text(value, style)}" for name, value in values.items()]
    return f"{{{style.opening}{style.between.join(fields)}{style.closing}}}"


def value_text(value: object, style: Style = FLAT) -> str:
    """Return a text or a whole number as Lua has it."""
    return quoted(value, style.quote) if isinstance(value, str) else f"{value}"


def quoted(text: str, quote: str) -> str:
    """Return a text in `quote`, or in the usual ones when that opens a long string."""
    if quote not in "\"'":
        quote = FLAT.quote
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


def pool_text(pool: Pool, original_port: str | None) -> str:
    """Return the literal declaration of the backends of `pool`.

    `original_port` is what the C original's `listenPort` says, where that form is used: it has
    to go, and the listener must be declared as well.
    """
    lines = [f'pool("{pool.name}", {{']
    if original_port is not None:
        lines.insert(0, f'listen {{ address = "0.0.0.0:{original_port}" }}')
    else:
        lines.append("  -- its other settings stay as they are")
    entries = [f"    {entry_text(backend)}," for backend in pool.backends]
    return "\n".join([*lines, "  backends = {", *entries, "  },", "})"])
