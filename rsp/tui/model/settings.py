"""The settings of the dashboard, and the rows of the screen on which a person changes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from rsp.core.wire import NOT_JSON
from rsp.tui.limits import PULLS_PER_S, USUAL_PULLS_PER_S
from rsp.tui.model.columns import Column
from rsp.tui.model.session_columns import SESSION_COLUMNS
from rsp.tui.model.spans import Span

VERSION = 1
"""Of the file. A file of another version is not read."""

ALWAYS_SHOWN = "id"
"""The column that cannot be hidden: a list needs one."""

THEME, RATE = "theme", "rate"


class Settings(msgspec.Struct, frozen=True):
    """What is remembered from one dashboard to the next."""

    version: int = VERSION
    theme: str = ""
    """Name of a theme; empty: what suits the terminal."""
    pulls_per_s: int = USUAL_PULLS_PER_S
    hidden_columns: list[str] = []
    """Ids of columns of the Connections list."""

    def columns(self) -> list[str]:
        """Return the ids of the columns that are shown."""
        hidden = set(self.hidden_columns) - {ALWAYS_SHOWN}
        return [column.id for column in SESSION_COLUMNS if column.id not in hidden]


class Unreadable(Exception):
    """The text is no settings. The text of the error says why."""


def decoded(text: bytes) -> Settings:
    """Return the settings of a file.

    Raises:
        Unreadable: it is no JSON, of another version, or holds what cannot be set.
    """
    try:
        settings = msgspec.json.decode(text, type=Settings)
    except NOT_JSON as error:
        raise Unreadable(str(error)) from error
    if settings.version != VERSION:
        raise Unreadable(f"its version is {settings.version}, and this dashboard knows {VERSION}")
    if settings.pulls_per_s not in PULLS_PER_S:
        raise Unreadable(f"pulls_per_s is none of {', '.join(map(str, PULLS_PER_S))}")
    return settings


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One line of the settings."""

    id: str
    title: str
    value: str


def rows_of(settings: Settings, theme: str) -> list[SettingRow]:
    """Return the lines; `theme` is the one in force."""
    shown = settings.columns()
    return [
        SettingRow(THEME, "Theme", theme),
        SettingRow(RATE, "Refresh", f"{settings.pulls_per_s} a second"),
        *(
            SettingRow(column.id, f"Column {column.title}", _mark(column.id, shown))
            for column in SESSION_COLUMNS
        ),
    ]


def _mark(column: str, shown: Sequence[str]) -> str:
    if column == ALWAYS_SHOWN:
        return "✓ always"
    return "✓ shown" if column in shown else "· hidden"


def changed(settings: Settings, row: str, step: int, theme: str, themes: Sequence[str]) -> Settings:
    """Return the settings after one step at a line: the next theme, rate, or the other mark."""
    if row == THEME:
        here = themes.index(theme) if theme in themes else 0
        return msgspec.structs.replace(settings, theme=themes[(here + step) % len(themes)])
    if row == RATE:
        return msgspec.structs.replace(settings, pulls_per_s=next_rate(settings.pulls_per_s, step))
    if row == ALWAYS_SHOWN:
        return settings
    hidden = set(settings.hidden_columns) ^ {row}
    known = [column.id for column in SESSION_COLUMNS if column.id in hidden]
    return msgspec.structs.replace(settings, hidden_columns=known)


def next_rate(pulls_per_s: int, step: int) -> int:
    """Return the next faster rate, or for -1 the next slower one; the last one stays."""
    here = PULLS_PER_S.index(pulls_per_s)
    return PULLS_PER_S[min(max(here + step, 0), len(PULLS_PER_S) - 1)]


def _value(row: SettingRow, _width: int) -> Span:
    if row.id in (THEME, RATE):
        return Span(f"← {row.value} →", "accent")
    return Span(row.value, "good" if row.value.startswith("✓") else "dim")


SETTING_COLUMNS: tuple[Column[SettingRow], ...] = (
    Column("title", "SETTING", 18, lambda row, _: Span(row.title), keep=100),
    Column("value", "VALUE", 22, _value, grows_to=30, keep=90),
)
