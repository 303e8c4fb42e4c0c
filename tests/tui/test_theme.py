"""Every theme that can be chosen shows text that can be read."""

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from rsp.tui.model.settings import Settings
from rsp.tui.model.spans import ROLES
from rsp.tui.theme import CONTRAST, GREY_THEME, RSP_THEME, contrast, readable, variable_defaults
from rsp.tui.widgets.paint import role_style
from tests.tui.stage import still_dashboard

OURS = [RSP_THEME, GREY_THEME]
MANY_COLOURS = [theme for theme in (*OURS, *BUILTIN_THEMES.values()) if not theme.ansi]
TEXTS = ("muted", "accent", "success", "warning", "error", "primary", "secondary")


def test_contrast_is_that_of_black_on_white_at_most() -> None:
    black, white, grey = Color(0, 0, 0), Color(255, 255, 255), Color(119, 119, 119)
    assert round(contrast(black, white), 3) == round(contrast(white, black), 3) == 21.0
    assert contrast(white, white) == 1.0
    assert round(contrast(grey, white), 2) == 4.48


def test_a_colour_is_changed_only_as_far_as_it_must_be() -> None:
    white, yellow, red = Color(255, 255, 255), Color(216, 217, 56), Color(160, 0, 0)
    assert readable(red, white) == red
    found = readable(yellow, white)
    assert CONTRAST <= contrast(found, white) < CONTRAST + 1


@pytest.mark.parametrize("theme", MANY_COLOURS, ids=lambda theme: theme.name)
def test_text_in_each_colour_of_a_theme_can_be_read(theme: Theme) -> None:
    defaults = variable_defaults(theme)
    ours = {name: theme.variables.get(name, value) for name, value in defaults.items()}
    behind = Color.parse(theme.to_color_system().generate()["background"])
    cursor = Color.parse(ours["rsp-cursor"])
    texts = {name: Color.parse(ours[f"rsp-{name}"]) for name in TEXTS}
    worst = {
        name: min(contrast(text, behind), contrast(text, cursor)) for name, text in texts.items()
    }
    # In 256 steps a colour may miss the ratio by a hair; muted text of our own may be fainter.
    faint = {"muted"} if theme in OURS else set()
    assert {name for name, ratio in worst.items() if ratio < CONTRAST - 0.05} <= faint
    assert contrast(texts["muted"], behind) > CONTRAST


@pytest.mark.parametrize("theme", OURS, ids=lambda theme: theme.name)
def test_our_own_themes_are_shown_as_they_are_written(theme: Theme) -> None:
    defaults = variable_defaults(theme)
    assert defaults["rsp-accent"].lower() == theme.accent
    assert defaults["rsp-warning"].lower() == theme.warning


async def test_sixteen_colours_offer_only_themes_of_sixteen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLORTERM", "")
    monkeypatch.setenv("TERM", "xterm-16color")
    app = still_dashboard()
    async with app.run_test(size=(80, 24)):
        seen = set()
        for _ in range(4):
            app.change_setting("theme", 1)
            seen.add(app.theme)
        assert seen == {"ansi-dark", "ansi-light"}


async def test_many_colours_offer_every_theme() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)):
        seen = set()
        for _ in app.available_themes:
            app.change_setting("theme", 1)
            seen.add(app.theme)
        assert seen == set(app.available_themes)
        assert app.settings == Settings(theme=app.theme)


async def test_every_role_has_a_style_of_its_own_in_every_theme() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)):
        for theme in app.available_themes:
            app.theme = theme
            styles = {role: role_style(role, app.theme_variables) for role in ROLES}
            assert all(str(style) != "none" for style in styles.values()), theme
            assert styles["chosen"].bgcolor
            assert styles["dim"] != styles["bad"]
