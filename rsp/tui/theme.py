"""The colours: a calm dark theme, one in grey, and what the roles use of any other theme."""

from textual.color import Color
from textual.theme import Theme

RSP_THEME = Theme(
    name="rsp",
    primary="#5fb0a8",
    secondary="#b39ddb",
    accent="#6cb6ff",
    warning="#e8b45a",
    error="#ef7b83",
    success="#8fc48a",
    foreground="#d3dae4",
    background="#0f141b",
    surface="#161d27",
    panel="#1c2531",
    dark=True,
    variables={
        "rsp-muted": "#7f8b9c",
        "rsp-track": "#2b3544",
        "rsp-line": "#2f3b4b",
        "rsp-line-live": "#4a6d94",
        "rsp-cursor": "#22344b",
        "rsp-cursor-away": "#1a2430",
        "border": "#4a6d94",
        "scrollbar": "#2b3544",
        "scrollbar-background": "#0f141b",
        "scrollbar-hover": "#4a6d94",
        "scrollbar-active": "#6cb6ff",
        "scrollbar-corner-color": "#0f141b",
        "input-cursor-background": "#d3dae4",
        "input-selection-background": "#2f4a6b",
    },
)

GREY_THEME = Theme(
    name="no-colour",
    primary="#c8c8c8",
    secondary="#a0a0a0",
    accent="#e4e4e4",
    warning="#f2f2f2",
    error="#ffffff",
    success="#c8c8c8",
    foreground="#d0d0d0",
    background="#101010",
    surface="#181818",
    panel="#202020",
    dark=True,
    variables={
        "rsp-muted": "#8a8a8a",
        "rsp-track": "#343434",
        "rsp-line": "#3a3a3a",
        "rsp-line-live": "#787878",
        "rsp-cursor": "#303030",
        "rsp-cursor-away": "#222222",
        "border": "#787878",
        "scrollbar": "#343434",
        "scrollbar-background": "#101010",
        "scrollbar-hover": "#787878",
        "scrollbar-active": "#e4e4e4",
        "scrollbar-corner-color": "#101010",
        "input-cursor-background": "#d0d0d0",
        "input-selection-background": "#484848",
    },
)
"""For eyes that colours do not help, and for projectors."""

SIXTEEN_COLOURS_THEME = "ansi-dark"
"""Textual's own, in the colours that the terminal itself has."""

_ROLES = ("accent", "success", "warning", "error", "primary", "secondary")
"""Colours of a theme in which text is written."""

_SIXTEEN_COLOURS = {
    "rsp-muted": "ansi_white",
    "rsp-track": "ansi_white",
    "rsp-line": "ansi_white",
    "rsp-line-live": "ansi_cyan",
    "rsp-cursor": "ansi_bright_black",
    "rsp-cursor-away": "ansi_default",
    "rsp-inverse": "ansi_black",
}

_SIXTEEN_LIGHT_COLOURS = {
    **_SIXTEEN_COLOURS,
    "rsp-muted": "ansi_bright_black",
    "rsp-line": "ansi_bright_black",
    "rsp-line-live": "ansi_blue",
    "rsp-cursor": "ansi_white",
    "rsp-inverse": "ansi_bright_white",
}

CONTRAST = 4.5
"""Least ratio between the luminance of a text and that of what is behind it (WCAG 2.1, 1.4.3)."""

_STEP = 0.05
"""A colour that is too faint goes this much of the way to black or white at a time."""


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Return our own variables for a theme that does not define them.

    They are mixed from its colours, so that they suit light themes and dark ones; text in them can
    be read also on the line of the cursor.
    """
    if theme.ansi:
        ours = _SIXTEEN_COLOURS if theme.dark else _SIXTEEN_LIGHT_COLOURS
        return {**ours, **{f"rsp-{role}": getattr(theme, role) for role in _ROLES}}
    colours = {
        name: Color.parse(getattr(theme, name) or value)
        for name, value in theme.to_color_system().generate().items()
        if name in ("background", "foreground", *_ROLES)
    }
    behind, text, accent = colours["background"], colours["foreground"], colours["accent"]
    cursor = Color.parse(theme.variables.get("rsp-cursor", behind.blend(accent, 0.18).hex))
    mixed = {
        "rsp-muted": readable(behind.blend(text, 0.6), cursor),
        "rsp-track": behind.blend(text, 0.2),
        "rsp-line": behind.blend(text, 0.25),
        "rsp-line-live": behind.blend(accent, 0.6),
        "rsp-cursor": cursor,
        "rsp-cursor-away": behind.blend(text, 0.08),
        "rsp-inverse": behind,
    }
    mixed |= {f"rsp-{role}": readable(colours[role], cursor) for role in _ROLES}
    return {name: colour.hex for name, colour in mixed.items()}


def readable(colour: Color, behind: Color) -> Color:
    """Return the colour, made darker or lighter until text in it stands out from what is behind."""
    end = Color(0, 0, 0) if luminance(behind) > _MIDDLE else Color(255, 255, 255)
    way = 0.0
    found = colour
    while contrast(found, behind) < CONTRAST and way < 1.0:
        way = min(way + _STEP, 1.0)
        found = colour.blend(end, way)
    return found


_MIDDLE = 0.18
"""Luminance of a grey from which black is as far away as white, as ratios go."""


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.1)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    """Return the relative luminance of a colour, from 0 to 1 (WCAG 2.1)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
