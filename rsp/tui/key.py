"""What a key is, and how a person writes it."""

from dataclasses import dataclass

from textual.keys import key_to_character


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or several for the same act."""

    id: str
    """Its name for life, by which a person may give it another key."""
    keys: str
    """Textual's names, with commas between them."""
    action: str
    label: str
    """One or two words, for the key line; empty: only the help shows it."""
    tooltip: str
    """One sentence, for the help."""
    where: str
    """Screen or widget that it belongs to; `everywhere` for the frame."""
    mutates: bool = False
    """Whether it changes something in the engine: gone with `--read-only`."""
    pair: str = ""
    """Id of the key that does the opposite: the key line writes both in one place."""

    @property
    def names(self) -> list[str]:
        """How a person writes each of its keys."""
        return [written(key) for key in self.keys.split(",")]


_NAMES = {
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "space": "space",
    "slash": "/",
    "plus": "+",
    "minus": "-",
}


WRITTEN = {shown: key for key, shown in _NAMES.items()}
"""Textual's name of what a person calls a key."""


def written(key: str) -> str:
    """Return how a person writes a key: `slash` is `/`, `escape` is `esc`."""
    return _NAMES.get(key) or key_to_character(key) or key
