"""Where a role becomes a style: the only place that knows colours."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from rsp.tui.model.spans import ROLES, Line

COMPONENTS = frozenset(f"role--{role}" for role in ROLES)
"""The component classes of a widget that paints spans."""

ROLE_CSS = """
    & > .role--dim { color: $rsp-muted; }
    & > .role--strong { text-style: bold; }
    & > .role--accent { color: $rsp-accent; }
    & > .role--good { color: $rsp-success; }
    & > .role--warn { color: $rsp-warning; }
    & > .role--bad { color: $rsp-error; text-style: bold; }
    & > .role--request { color: $rsp-secondary; }
    & > .role--response { color: $rsp-primary; }
    & > .role--title { color: $foreground; text-style: bold; }
    & > .role--key { color: $rsp-accent; text-style: bold; }
    & > .role--chosen { color: $rsp-inverse; background: $rsp-accent; text-style: bold; }
    & > .role--shout { color: $rsp-inverse; background: $rsp-warning; text-style: bold; }
    & > .role--heading { color: $rsp-muted; text-style: bold; }
    & > .role--track { color: $rsp-track; }
"""
"""Goes into the DEFAULT_CSS of such a widget, inside its own selector."""


class Painter:
    """Paints lines for one widget, with the styles of the present theme."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[str, Style] = {}

    def forget(self) -> None:
        """Drop the styles: the theme or the state of the widget changed."""
        self._styles.clear()

    def style(self, role: str) -> Style:
        """Return the style of a role, without a background of its own unless it has one."""
        style = self._styles.get(role)
        if style is None:
            style = Style()
            if role:
                style = self._widget.get_component_rich_style(f"role--{role}", partial=True)
            self._styles[role] = style
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
