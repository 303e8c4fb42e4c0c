"""THE KEYS: one list. The bindings, the key line, the help and the palette are made from it."""

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or several for the same act."""

    id: str
    """Its name for life, by which a person may give it another key."""
    keys: str
    """Textual's names, with commas between them."""
    action: str
    label: str
    """One or two words, for the key line."""
    tooltip: str
    """One sentence, for the help."""
    where: str
    """Screen or widget that it belongs to; `everywhere` for the frame."""
    shown: bool = True
    """Whether the key line shows it; the help always does."""
    display: str | None = None
    """How the key is written, where its name is not."""
    mutates: bool = False
    """Whether it changes something in the engine: gone with `--read-only`."""


KEYS: tuple[Key, ...] = (
    Key("nav.down", "down,j", "move(1)", "Down", "The next row", "table", False, "↓ j"),
    Key("nav.up", "up,k", "move(-1)", "Up", "The row before", "table", False, "↑ k"),
    Key("nav.page_down", "pagedown", "page(1)", "Page down", "A screen down", "table", False),
    Key("nav.page_up", "pageup", "page(-1)", "Page up", "A screen up", "table", False),
    Key("nav.first", "home,g", "first", "First", "The first row", "table", False, "g home"),
    Key("nav.last", "end,G", "last", "Last", "The last row", "table", False, "G end"),
    Key("open", "enter", "open", "Open", "Open the row under the cursor", "table"),
)


def bindings(where: str) -> list[BindingType]:
    """Return the bindings of one screen or widget."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.shown,
            key_display=key.display,
            tooltip=key.tooltip,
            id=key.id,
        )
        for key in KEYS
        if key.where == where
    ]
