"""A number on the command line that is one: click lets `nan` and `inf` pass for any."""

from math import isfinite
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A number in a range, and neither infinite nor no number at all."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number. Raises `click.BadParameter`."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is no number that can be worked with.", param, ctx)
        return number
