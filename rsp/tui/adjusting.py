"""What a person may adjust about the dashboard itself, while it runs."""

import msgspec
from textual.app import App, ReturnType

from rsp.tui.feed import Feed
from rsp.tui.model.dashboard import Model
from rsp.tui.model.settings import SettingRow, Settings, changed, next_rate, rows_of
from rsp.tui.preferences import Preferences
from rsp.tui.screens.frame import Frame
from rsp.tui.screens.settings import SettingsScreen
from rsp.tui.theme import GREY_THEME, RSP_THEME, SIXTEEN_COLOURS_THEME, variable_defaults

_FIRST_THEMES = (RSP_THEME.name, GREY_THEME.name, "ansi-dark", "ansi-light")
"""What most people want, before the other themes by name."""


class AdjustableApp(App[ReturnType]):
    """Base of the app: it holds the acts that change how the dashboard shows what it shows."""

    model: Model
    feed: Feed

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.register_theme(RSP_THEME)
        self.register_theme(GREY_THEME)
        self.preferences = preferences
        self._remembered = Settings()
        self._written = Settings()
        """What the file says, or what a dashboard without one begins with."""

    def on_mount(self) -> None:
        """Put what is remembered into force."""
        self._remembered, notice = self.preferences.load()
        self._written = self._remembered
        keymap, complaints = self.preferences.load_keys()
        for said in filter(None, (notice, complaints)):
            self.notify(said, severity="warning", markup=False)
        self.set_keymap(dict(keymap))
        self.feed.pulls_per_s = self._remembered.pulls_per_s
        self.model.columns = self._remembered.columns()
        self.theme = self._fitting_theme(self._remembered.theme)

    def _fitting_theme(self, wanted: str) -> str:
        """Return a theme that this terminal can show: the wanted one, if there is one."""
        known = self.available_themes.get(wanted)
        if self.console.color_system in (None, "standard", "windows"):
            # Other themes would be squeezed into 16 colours that they were not made for.
            return wanted if known is not None and known.ansi else SIXTEEN_COLOURS_THEME
        return wanted if known is not None else RSP_THEME.name

    def _fitting_themes(self) -> list[str]:
        """Return the themes that a person may choose here, in their order."""
        rest = sorted(set(self.available_themes).difference(_FIRST_THEMES))
        return [name for name in (*_FIRST_THEMES, *rest) if self._fitting_theme(name) == name]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give other themes the variables that our styles use."""
        return variable_defaults(self.current_theme)

    @property
    def frame(self) -> Frame | None:
        """The screen that is shown, or the one below a dialog."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Frame) and screen.is_laid_out:
                return screen
        return None

    def show_frame(self) -> None:
        """Show the header of the screen as of now."""
        if (frame := self.frame) is not None:
            frame.show_frame()

    def action_rate(self, step: int) -> None:
        """Pull more often, or less often; only leaving the settings remembers it."""
        self.feed.pulls_per_s = next_rate(self.feed.pulls_per_s, step)
        self.show_frame()

    # -- the settings

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return msgspec.structs.replace(self._remembered, pulls_per_s=self.feed.pulls_per_s)

    def action_settings(self) -> None:
        """Show the settings."""
        if self.screen is self.frame:
            _ = self.push_screen(SettingsScreen())

    def setting_rows(self) -> list[SettingRow]:
        """Return the lines of the settings as of now."""
        return rows_of(self.settings, self.theme)

    def change_setting(self, row: str, step: int) -> None:
        """Change one setting by one step, and put it into force."""
        settings = changed(self.settings, row, step, self.theme, self._fitting_themes())
        self._remembered = settings
        self.feed.pulls_per_s = settings.pulls_per_s
        self.model.columns = settings.columns()
        if settings.theme and settings.theme != self.theme:
            self.theme = settings.theme
        self.show_frame()

    def remember_settings(self) -> None:
        """Write the settings down if something was changed; say so when that cannot be done."""
        settings = self.settings
        if settings == self._written:
            return
        if notice := self.preferences.save(settings):
            self.notify(notice, severity="warning", markup=False)
        else:
            self._written = settings
