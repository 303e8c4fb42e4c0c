"""The settings: a line for each, changed at once, remembered when the screen is left."""

from typing import Protocol, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from rsp.tui.model.settings import SETTING_COLUMNS, SettingRow
from rsp.tui.widgets.virtual_table import VirtualTable


class Adjustable(Protocol):
    """The app, as far as this screen needs it."""

    def setting_rows(self) -> list[SettingRow]:
        """Return the lines as of now."""

    def change_setting(self, row: str, step: int) -> None:
        """Change one setting by one step, and put it into force."""

    def remember_settings(self) -> None:
        """Write the settings down."""


class SettingsScreen(ModalScreen[None]):
    """Lists the settings."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("escape,f2,q,ctrl+q", "close", "Close"),
        Binding("left,minus", "change(-1)", "Before", show=False),
        Binding("right,space,plus", "change(1)", "Next", show=False),
    ]

    @property
    def owner(self) -> Adjustable:
        """The app."""
        return cast(Adjustable, self.app)

    @property
    def table(self) -> VirtualTable[SettingRow]:
        """The lines."""
        return self.query_one("#settings", VirtualTable)

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="settings-box") as box:
            box.border_title = Content("Settings")
            box.border_subtitle = Content("↓ ↑ choose · ← → change · esc done")
            yield VirtualTable[SettingRow](SETTING_COLUMNS, lambda row: row.id, id="settings")

    def on_mount(self) -> None:
        """Show the lines."""
        self.table.focus()
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        self.table.show(self.owner.setting_rows())

    def on_resize(self) -> None:
        """Show the lines in their new width."""
        self.call_after_refresh(self._show)

    def on_virtual_table_opened(self) -> None:
        """Change by `enter`, too."""
        self.action_change(1)

    def action_change(self, step: int) -> None:
        """Change the setting under the cursor."""
        chosen = self.table.cursor_row
        if chosen is not None:
            self.owner.change_setting(chosen.id, step)
            self._show()

    def action_close(self) -> None:
        """Go back to the screen below."""
        self.owner.remember_settings()
        _ = self.dismiss()
