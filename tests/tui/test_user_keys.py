"""Keys of a person's own: read, judged, in force, and what is wrong with them said and ignored."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from textual.events import Key

from rsp.cli import main
from rsp.tui.keymap import KEYS
from rsp.tui.model.user_keys import UserKeys, named, read_keys
from rsp.tui.preferences import Preferences
from rsp.tui.screens.dialog import Choice, other_keys
from rsp.tui.screens.help import help_keys
from rsp.tui.screens.tabs import TAB_KEYS
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import (
    attached,
    hand_seconds,
    listening,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)


def judged(wanted: Any) -> UserKeys:
    return read_keys(json.dumps(wanted).encode(), TAB_KEYS)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("?", "question_mark"),
        ("<", "less_than_sign"),
        ("a", "a"),
        ("A", "A"),
        (" ", "space"),
        ("/", "slash"),
        ("F4", "f4"),
        ("ctrl+t", "ctrl+t"),
        ("Ctrl+T", "ctrl+t"),
        ("esc", "escape"),
        ("pgdn", "pagedown"),
        ("question_mark", "question_mark"),
        ("", None),
        ("ctrl+", None),
        ("f99", None),
        ("nonsense", None),
        ("\x1b", None),
    ],
)
def test_a_key_is_known_by_what_a_person_calls_it(typed: str, name: str | None) -> None:
    assert named(typed) == name


def test_every_key_of_the_keymap_is_a_key_and_every_id_is_one_of_its_own() -> None:
    assert all(named(name) == name for key in KEYS for name in key.keys.split(","))
    ids = [key.id for key in (*KEYS, *TAB_KEYS)]
    assert len(ids) == len(set(ids))


def test_keys_are_taken_one_or_several_and_for_the_screens_too() -> None:
    found = judged({"freeze": "F4", "copy": ["y", "ctrl+y"], "go.1": "f9, !"})
    assert found.complaints == []
    assert found.keymap == {"freeze": "f4", "copy": "y,ctrl+y", "go.1": "f9,exclamation_mark"}


def test_two_keys_may_change_places() -> None:
    assert judged({"filter": "X", "close": "/"}).complaints == []


def test_what_two_keys_share_from_the_start_is_no_conflict() -> None:
    assert judged({"backends.up": "plus,ctrl+up"}).complaints == []


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"freze": "F4"}, "there is no key 'freze'; is it freeze?"),
        ({"\x1b]0;x": "F4"}, "there is no key '␛]0;x'"),
        ({"freeze": "nonsense"}, "freeze: 'nonsense' is no key"),
        ({"freeze": []}, "freeze: '[]' is no key"),
        ({"freeze": "z"}, "freeze: z is the key of undo"),
        ({"close": "P"}, "close: P is the key of pause"),
        ({"copy": "f4", "freeze": "f4"}, "freeze: f4 is the key of copy"),
        ({"freeze": 7}, "Expected `str | array`"),
        (["freeze"], "Expected `object`"),
    ],
)
def test_what_is_wrong_is_said_and_ignored(wanted: Any, complaint: str) -> None:
    found = judged(wanted)
    assert len(found.complaints) == 1
    assert complaint in found.complaints[0]
    assert found.keymap == ({"copy": "f4"} if "copy" in wanted else {})
    assert "\x1b" not in found.complaints[0]


def test_a_line_that_is_ignored_may_leave_another_one_in_conflict() -> None:
    found = judged({"undo": "f4", "redo": "z", "copy": "f4"})
    assert found.keymap == {"undo": "f4", "redo": "z"}
    assert judged({"redo": "z", "undo": "Y"}).keymap == {}


async def test_keys_of_ones_own_are_in_force_and_shown(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"freeze": "f4,ctrl+f", "go.5": "f9", "nonsense": "a"}))
    app = still_dashboard(preferences=Preferences(keys=keys))
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        hand_seconds(app, 2)
        await shows(pilot, app, "there is no key 'nonsense'")
        await shows(pilot, app, "f4 Freeze")
        await pilot.press("space")
        await pilot.pause()
        assert "FROZEN" not in screen_text(app)
        await pilot.press("ctrl+f")
        await shows(pilot, app, "FROZEN")
        await pilot.press("f4")
        await shows(pilot, app, "● LIVE")
        frame = app.frame
        assert frame is not None
        names = {key.tooltip: key.written for key in help_keys(frame)}
        assert names["Freeze the lists; the engine runs on"] == "f4 ctrl+f"
        assert names["The Events screen"] == "f9"
        await pilot.press("f9")
        await shows(pilot, app, "Events [")


async def test_a_key_of_ones_own_that_is_held_down_answers_no_question(
    engine: FakeEngine, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"close": "c,ctrl+x"}))
    app = attached(engine, preferences=Preferences(keys=keys))
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("c")
        await listening(app, pilot)
        assert "Close  l" in screen_text(app)
        await pilot.press("c", "c", "ctrl+x")
        assert engine.commands == []
        await pilot.press("l")
        await wait_until(pilot, lambda: engine.commands)
        assert engine.commands == [("close", {"id": 41, "reset": False})]


async def test_a_key_that_is_held_down_answers_a_question_once(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        below = app.screen
        await pilot.press("X")
        await listening(app, pilot)
        question = app.screen
        for _ in range(2):
            # Both are on their way to the question before it has answered one.
            question.post_message(Key("r", None))
        await wait_until(pilot, lambda: engine.commands)
        await pilot.pause()
        assert app.screen is below
        assert [name for name, _ in engine.commands] == ["close"]


def test_a_choice_whose_key_asks_gets_another_letter_of_its_own() -> None:
    choices = [Choice("n", "Now", "now"), Choice("i", "When idle", "idle"), Choice("1", "A", "a")]
    found = other_keys(choices, {"n", "1", "w"})
    assert [choice.key for choice in found] == ["o", "i", "a"]
    assert other_keys(choices, {"x"}) == choices


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"7"])
async def test_a_broken_file_changes_no_key(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(text)
    app = still_dashboard(preferences=Preferences(keys=tmp_path / "keys.json"))
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        hand_seconds(app, 2)
        await shows(pilot, app, "ignored:")
        await pilot.press("space")
        await shows(pilot, app, "FROZEN")


def test_rsp_keys_lists_every_key_as_it_is_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "rsp").mkdir()
    (tmp_path / "rsp/keys.json").write_text('{"freeze": "F4", "nonsense": "x"}')
    run = CliRunner().invoke(main, ["keys"])
    assert run.exit_code == 0
    rows = {line.split()[0]: line for line in run.output.splitlines() if line}
    assert all(key.id in rows for key in (*KEYS, *TAB_KEYS))
    assert "f4 " in rows["freeze"]
    assert "space" not in rows["freeze"]
    assert str(tmp_path / "rsp/keys.json") in run.output
    assert "there is no key 'nonsense'" in run.output
