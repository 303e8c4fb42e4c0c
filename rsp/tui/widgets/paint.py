"""Where a role becomes a style: the only place that knows colours."""

from collections.abc import Mapping

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from rsp.tui.model.spans import Line

_BOLD = Style(bold=True)
_INKS: Mapping[str, tuple[str, Style]] = {
    "dim": ("rsp-muted", Style()),
    "accent": ("rsp-accent", Style()),
    "good": ("rsp-success", Style()),
    "warn": ("rsp-warning", Style()),
    "bad": ("rsp-error", _BOLD),
    "request": ("rsp-secondary", Style()),
    "response": ("rsp-primary", Style()),
    "title": ("foreground", _BOLD),
    "key": ("rsp-accent", _BOLD),
    "heading": ("rsp-muted", _BOLD),
    "track": ("rsp-track", Style()),
}
"""The variable of the theme that colours a role, and what else it is."""

_PLATES = {"chosen": "rsp-accent", "shout": "rsp-warning"}
"""Roles with a background of their own, and the variable that it has."""


class Painter:
    """Paints lines for one widget, with the styles of the present theme.

    The styles are no component classes: each class costs every widget that has it a pass over the
    whole style sheet whenever something of its screen changes. With fourteen roles that was half
    the time of a change of size.
    """

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._variables: Mapping[str, str] = {}
        """Of the theme that `_styles` were made for."""
        self._styles: dict[str, Style] = {}

    def style(self, role: str) -> Style:
        """Return the style of a role, without a background of its own unless it has one."""
        variables = self._widget.app.theme_variables
        if variables is not self._variables:
            self._variables = variables
            self._styles.clear()
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = role_style(role, variables)
        return style

    def strip(self, line: Line, base: Style) -> Strip:
        """Return one line on the background of `base`."""
        segments = []
        for text, role, action in line:
            style = base + self.style(role) if role else base
            if action:
                style += Style.from_meta({"@click": action})
            segments.append(Segment(text, style))
        return Strip(segments)


def selected(strip: Strip, span: tuple[int, int], style: Style) -> Strip:
    """Return the strip with the cells of a text selection restyled; an end of -1 is the end."""
    start, end = span
    if end == -1:
        end = strip.cell_length
    parts = (
        strip.crop(0, start),
        strip.crop(start, end).apply_style(style),
        strip.crop(end, None),
    )
    return Strip.join(parts)


def role_style(role: str, variables: Mapping[str, str]) -> Style:
    """Return the style of a role in a theme with these variables; "" is plain text."""
    if role == "strong" or not role:
        return _BOLD if role else Style()
    plate = _PLATES.get(role)
    if plate is not None:
        return _BOLD + Style(color=_ink(variables, "rsp-inverse"), bgcolor=_ink(variables, plate))
    variable, more = _INKS[role]
    return more + Style(color=_ink(variables, variable))


def _ink(variables: Mapping[str, str], name: str) -> RichColor:
    return Color.parse(variables[name]).rich_color
