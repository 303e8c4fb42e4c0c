"""Why what was typed into a form cannot be used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and with which field."""

    field: str
    """The field's id."""
    text: str
    """What is wrong and what would be right."""
