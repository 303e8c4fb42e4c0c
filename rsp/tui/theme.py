"""The colours: a calm dark theme, one in grey, and what the roles use of any other theme."""

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

_SIXTEEN_COLOURS = {
    "rsp-muted": "ansi_white",
    "rsp-track": "ansi_white",
    "rsp-line": "ansi_white",
    "rsp-line-live": "ansi_cyan",
    "rsp-cursor": "ansi_bright_black",
    "rsp-cursor-away": "ansi_default",
}


def variable_defaults(*, is_ansi: bool) -> dict[str, str]:
    """Return our own variables for a theme that does not define them."""
    return dict(_SIXTEEN_COLOURS if is_ansi else RSP_THEME.variables)
