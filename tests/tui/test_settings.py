"""`f2`: what is changed at once, what is remembered, and what a broken file costs."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rsp.tui.app import Dashboard
from rsp.tui.model.settings import Settings, Unreadable, changed, decoded, rows_of
from rsp.tui.preferences import Preferences
from rsp.tui.screens.settings import SettingsScreen
from tests.tui.stage import (
    check_golden,
    hand_seconds,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

THEMES = ["rsp", "no-colour", "ansi-dark"]


@pytest.fixture
def preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preferences:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = Preferences.of(os.environ)
    assert found.state is not None
    assert found.state.is_relative_to(tmp_path)
    return found


def dashboard(preferences: Preferences, **changes: Any) -> Dashboard:
    return still_dashboard(preferences=preferences, **changes)


def test_themes_and_rates_go_round_and_columns_are_switched() -> None:
    settings = Settings()
    assert changed(settings, "theme", -1, "rsp", THEMES).theme == "ansi-dark"
    assert changed(settings, "theme", 1, "ansi-dark", THEMES).theme == "rsp"
    assert changed(settings, "rate", 1, "rsp", THEMES).pulls_per_s == 10
    hidden = changed(settings, "host", 1, "rsp", THEMES)
    assert hidden.hidden_columns == ["host"]
    assert "host" not in hidden.columns()
    assert changed(hidden, "host", 1, "rsp", THEMES).hidden_columns == []
    assert changed(settings, "id", 1, "rsp", THEMES) == settings
    assert Settings(hidden_columns=["id", "nonsense"]).columns() == settings.columns()
    assert rows_of(hidden, "rsp")[0].value == "rsp"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"more": ' + b"[" * 30_000, "recursion"),
        (b'{"version": 2}', "version is 2"),
        (b'{"theme": 7}', "theme"),
        (b'{"pulls_per_s": 3}', "none of 1, 2, 5, 10"),
        (b'{"hidden_columns": {}}', "hidden_columns"),
    ],
)
def test_what_is_no_settings_says_why(text: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decoded(text)


def test_settings_are_read_as_they_were_written(preferences: Preferences) -> None:
    assert preferences.load() == (Settings(), "")
    settings = Settings(theme="no-colour", pulls_per_s=2, hidden_columns=["host"])
    assert preferences.save(settings) == ""
    assert preferences.load() == (settings, "")
    assert preferences.state is not None
    assert [path.name for path in preferences.state.parent.iterdir()] == ["dashboard.json"]


def test_settings_that_cannot_be_written_are_a_notice(tmp_path: Path) -> None:
    (tmp_path / "rsp").write_text("a file where a directory should be")
    said = Preferences(tmp_path / "rsp/dashboard.json").save(Settings())
    assert "not remembered" in said
    assert str(tmp_path) in said


def test_a_relative_base_directory_is_ignored(tmp_path: Path) -> None:
    found = Preferences.of({"XDG_STATE_HOME": "here", "HOME": str(tmp_path)})
    assert found.state == tmp_path / ".local/state/rsp/dashboard.json"
    assert found.keys == tmp_path / ".config/rsp/keys.json"


def test_without_a_home_there_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    found = Preferences.of({})
    assert (found.state, found.keys) == (None, None)
    assert found.load() == (Settings(), "")
    found = Preferences.of({"XDG_CONFIG_HOME": "/etc/xdg"})
    assert (found.state, found.keys) == (None, Path("/etc/xdg/rsp/keys.json"))


async def test_settings_that_were_only_looked_at_are_not_written(preferences: Preferences) -> None:
    assert preferences.state is not None
    app = dashboard(preferences)
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        for keys in (("f2", "escape"), ("f2", "right", "left", "escape")):
            await pilot.press(*keys)
            await wait_until(pilot, lambda: not isinstance(app.screen, SettingsScreen))
            assert preferences.state.exists() == ("left" in keys)
        preferences.state.unlink()
        await pilot.press("f2", "escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, SettingsScreen))
        assert not preferences.state.exists()


async def test_settings_are_in_force_at_once_and_the_next_time(preferences: Preferences) -> None:
    app = dashboard(preferences)
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await shows(pilot, app, "CLIENT")
        await pilot.press("f2")
        await wait_until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await shows(pilot, app, "← rsp →")
        await check_golden(pilot, app, "settings-80x24")
        await pilot.press("right")
        await wait_until(pilot, lambda: app.theme == "no-colour")
        await pilot.press("down", "right")
        await wait_until(pilot, lambda: app.feed.pulls_per_s == 10)
        await pilot.press("down", "down", "space")
        await shows(pilot, app, "· hidden")
        await pilot.press("escape")
        await shows(pilot, app, "● LIVE 10Hz")
        assert "CLIENT" not in screen_text(app)
    again = dashboard(preferences)
    async with again.run_test(size=(80, 24)) as pilot:
        hand_seconds(again, 2)
        await shows(pilot, again, "● LIVE 10Hz")
        assert again.theme == "no-colour"
        assert "CLIENT" not in screen_text(again)


async def test_a_broken_file_is_ignored_with_a_notice(preferences: Preferences) -> None:
    assert preferences.state is not None
    preferences.state.parent.mkdir(parents=True)
    preferences.state.write_bytes(b"{broken")
    app = dashboard(preferences)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        hand_seconds(app, 2)
        await shows(pilot, app, "ignored")  # the path before it wraps anywhere
        assert app.theme == "rsp"
        assert preferences.state.read_bytes() == b"{broken"


async def test_a_theme_that_is_gone_is_not_missed(preferences: Preferences) -> None:
    preferences.save(Settings(theme="no such theme"))
    app = dashboard(preferences)
    async with app.run_test(size=(80, 24)):
        assert app.theme == "rsp"


async def test_sixteen_colours_take_no_theme_of_more(
    preferences: Preferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    preferences.save(Settings(theme="dracula"))
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    app = dashboard(preferences)
    async with app.run_test(size=(80, 24)):
        assert app.theme == "ansi-dark"


async def test_a_dashboard_without_preferences_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f2", "right", "escape")
        await wait_until(pilot, lambda: app.theme == "no-colour")
    assert os.listdir(tmp_path) == []


def test_every_setting_is_in_the_file() -> None:
    assert set(msgspec.json.decode(msgspec.json.encode(Settings()))) == {
        "version",
        "theme",
        "pulls_per_s",
        "hidden_columns",
    }
