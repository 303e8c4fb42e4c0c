"""One table of a configuration file: its values, read by their names, or refused with its place."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import cast

from rsp.core.addresses import UNIX_PREFIX
from rsp.core.config import ConfigError
from rsp.engine.limit_rules import LARGEST, nearest
from rsp.engine.lua_sandbox import Plain
from rsp.engine.schema import Default, Key, Missing

Table = dict[str | int, Plain]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    def refuse(self, message: str) -> ConfigError:
        """Return the error that says `message` about this place."""
        return ConfigError(f"{self}: {message}", self.line)


class Section:
    """The values of one table. Every method raises `ConfigError` for a value that will not do."""

    __slots__ = ("_keys", "_table", "place", "what")

    def __init__(self, place: Place, what: str, table: Plain, keys: Sequence[Key]) -> None:
        """Refuse a table that is a list, or has a name that is none of `keys`."""
        self.place = place
        self.what = what
        """What the table is about, as errors name it."""
        self._keys = {key.name: key for key in keys}
        if isinstance(table, list) or not isinstance(table, dict):
            raise self.refuse(f"takes names with values: {', '.join(self._keys)}")
        self._table = table
        for name in table:
            if name not in self._keys:
                hint = nearest(str(name), tuple(self._keys))
                raise self.refuse(f"has no {shown(name)}; {hint}")

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def refuse(self, message: str) -> ConfigError:
        """Return the error that says of this table what `message` says."""
        return self.place.refuse(f"{self.what} {message}")

    def wrong(self, message: str) -> ConfigError:
        """Return the error about a value in this table."""
        return self.place.refuse(f"{self.what}: {message}")

    def text(self, name: str) -> str:
        """Return a text; one of the choices, where its key has some."""
        value = self._value(name)
        if not isinstance(value, str):
            raise self.wrong(f'{name} is {shown(value)}; it must be a string, in quotes: "…"')
        choices = self._keys[name].choices
        if choices:
            self.check_choice(name, choices)
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where there is none."""
        return self.text(name) if name in self._table else None

    def check_choice(self, name: str, known: Sequence[str]) -> None:
        """Refuse a text that is there and none of `known`."""
        value = self._table.get(name)
        if isinstance(value, str) and value not in known:
            raise self.wrong(f'{name} "{value[:80]}" is not there; {nearest(value, known)}')

    def truth(self, name: str) -> bool:
        """Return true or false."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise self.wrong(f"{name} is {shown(value)}; it must be true or false")
        return value

    def whole_number(self, name: str, *, least: int | None = None, most: int | None = None) -> int:
        """Return a whole number, `least` or more, and `most` or less."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(f"{name} is {shown(value)}; it must be a whole number")
        if least is not None and value < least:
            raise self.wrong(f"{name} is {value}; it must be {least} or more")
        if most is not None and value > most:
            raise self.wrong(f"{name} is {value:,}; it must be at most {most:,}")
        return value

    def seconds(self, name: str, *, least: float) -> float:
        """Return a number of seconds, `least` or more."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(f"{name} is {shown(value)}; it must be a number of seconds")
        if not least <= value <= LARGEST:
            bounds = f"{least:g} s or more" if value < least else f"{LARGEST:,} s or less"
            raise self.wrong(f"{name} is {value:g}; it must be {bounds}")
        return float(value)

    def section(self, name: str, keys: Sequence[Key]) -> "Section | None":
        """Return the table within this one; None where there is none."""
        if name not in self._table:
            return None
        return Section(self.place, f"{name} of {self.what}", self._table[name], keys)

    def optional_count(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number from `least` to `most`, or None where there is none."""
        return self.whole_number(name, least=least, most=most) if name in self._table else None

    def entries(self, name: str, example: str) -> list[Plain]:
        """Return the entries of a list, none where it is left out."""
        listed = self._table.get(name, {})
        if listed != {} and not isinstance(listed, list):
            raise self.wrong(f"{name} is a list: {{ {example} }}")
        return cast(list[Plain], listed or [])

    def networks(self, name: str) -> tuple[str, ...]:
        """Return a list of networks; `unix:` stands for whoever comes by a unix socket."""
        return tuple([self._network(name, each) for each in self.entries(name, '"10.0.0.0/8"')])

    def _network(self, name: str, network: Plain) -> str:
        if network == UNIX_PREFIX:
            return UNIX_PREFIX
        try:
            return str(ip_network(network if isinstance(network, str) else "", False))
        except ValueError as error:
            raise self.wrong(
                f"{shown(network)} in {name} is no network; write an address or a "
                f'network, such as "10.0.0.0/8", or "{UNIX_PREFIX}" for a unix socket'
            ) from error

    def _value(self, name: str) -> Plain | Default:
        default = self._keys[name].default
        if name in self._table:
            return self._table[name]
        if isinstance(default, Missing):
            raise self.wrong(f"{name} is missing")
        return default


def shown(value: object) -> str:
    """Return a value of Lua as an error shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value[:80]}"'
    return "a table" if isinstance(value, list | dict) else f"{value}"


def line_of(source: str, pattern: str, start_line: int = 1, default: int = 1) -> int:
    """Return the first line from `start_line` on that matches `pattern` before any comment."""
    for number, text in enumerate(source.splitlines()[start_line - 1 :], start_line):
        if re.search(pattern, text.partition("--")[0]):
            return number
    return default
