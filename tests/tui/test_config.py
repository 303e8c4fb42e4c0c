"""What the Config screen computes: the text in roles, the error in its place, what differs."""

from pathlib import Path

import pytest

from rsp.core.generation_rows import Edits
from rsp.tui.editor import EditorFailed, edit, editor_command
from rsp.tui.model.config_view import ConfigView, diff, edit_lines
from rsp.tui.model.lua_spans import lua_lines
from rsp.tui.model.spans import plain, width_of
from tests.tui.canned_routes import BROKEN_LUA, ERROR, LUA, broken_config, config, edits


def shown(source: object) -> ConfigView:
    view = ConfigView()
    view.source = source  # type: ignore[assignment]
    return view


def test_the_text_is_whole_whatever_its_colours() -> None:
    assert "\n".join(plain(line) for line in lua_lines(LUA)) + "\n" == LUA
    assert [plain(line) for line in lua_lines("a = 1")] == ["a = 1"]
    assert lua_lines("") == ()


def test_words_have_roles() -> None:
    (line,) = lua_lines('local x = "one" -- two')
    roles = {span.text: span.role for span in line if span.text.strip()}
    assert roles["local"] == "accent"
    assert roles['"'] == "good" or roles['"one"'] == "good"
    assert roles["-- two"] == "dim"


def test_a_file_cannot_speak_to_the_terminal() -> None:
    (line,) = lua_lines('x = "\x1b]0;title\x07"\t-- y')
    assert "\x1b" not in plain(line)
    assert "\t" not in plain(line)
    assert "]0;title" in plain(line)


def test_the_message_stands_below_the_line_that_is_wrong() -> None:
    lines = shown(broken_config()).source_lines(80)
    (wrong,) = [index for index, line in enumerate(lines) if line.number and line.is_wrong]
    assert lines[wrong].number == 12
    assert "locl key" in plain(lines[wrong].spans)
    assert plain(lines[wrong + 1].spans) == "✗ '=' expected near 'key'"
    assert lines[wrong + 1].number is None
    assert lines[wrong + 2].number == 13
    assert len({line.key for line in lines}) == len(lines)


def test_an_error_is_told_by_its_place_first() -> None:
    assert shown(broken_config()).error == ERROR
    assert shown(config()).error == ""
    odd = config(on_disk="x", error="the file is too large", error_line=None)
    assert shown(odd).error == "the file is too large"
    assert not any(line.is_wrong for line in shown(odd).source_lines(80))


def test_what_differs_is_shown_with_its_neighbours() -> None:
    lines = shown(broken_config()).diff_lines()
    assert [line.sign for line in lines] == ["@", " ", " ", " ", "-", "+", " ", " "]
    removed, added = lines[4], lines[5]
    assert (removed.text, removed.number) == ("  local key = request.host", 12)
    assert (added.text, added.number) == ("  locl key = request.host", 12)
    assert shown(config()).diff_lines() == []


def test_lines_that_come_and_go_keep_their_own_numbers() -> None:
    lines = [(line.sign, line.number, line.text) for line in diff(["a", "b", "c"], ["b", "c", "d"])]
    assert lines == [
        ("@", None, "line 1"),
        ("-", 1, "a"),
        (" ", 1, "b"),
        (" ", 2, "c"),
        ("+", 3, "d"),
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (config(), "✓ the same as what runs"),
        (config(on_disk=LUA + "\n"), "✎ changed, and it loads"),
        (broken_config(), f"✗ {ERROR}"),
        (config(path=None, running=""), "there is none"),
    ],
)
def test_the_facts_say_how_the_file_is(source: object, words: str) -> None:
    for width in (80, 120, 200):
        lines = shown(source).facts(edits(), width)
        said = "\n".join(plain(line) for line in lines)
        assert words in said
        assert "generation 7" in said
        assert "1 live edit on top of the file" in said
        assert all(width_of(line) <= width for line in lines)


def test_the_live_edits_are_listed_with_who_made_them() -> None:
    lines = edit_lines(edits(), 118)
    assert "web/web2: state ready → drain  12:40:52 dashboard@pts/3" in plain(lines[0])
    assert plain(lines[1]).strip() == "redo  web/web1: weight 2 → 3"
    assert "what the file says" in plain(edit_lines(Edits([], []), 118)[0])


def test_what_the_next_reload_would_read_is_shown() -> None:
    assert shown(broken_config()).text == BROKEN_LUA
    assert shown(config()).text == LUA
    assert ConfigView().text == ""


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ["vi"]),
        ({"EDITOR": "nano"}, ["nano"]),
        ({"EDITOR": "nano", "VISUAL": "emacs -nw"}, ["emacs", "-nw"]),
        ({"EDITOR": " "}, ["vi"]),
    ],
)
def test_the_editor_is_the_persons_own(environment: dict[str, str], words: list[str]) -> None:
    assert editor_command("a b.lua", 12, environment) == [*words, "+12", "a b.lua"]


def test_an_editor_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "blog.lua"
    with pytest.raises(EditorFailed, match="cannot be found from here"):
        edit(str(file), 1)
    file.write_text(LUA)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    with pytest.raises(EditorFailed, match="cannot be started: No such file"):
        edit(str(file), 1)
    monkeypatch.setenv("EDITOR", "vi '")
    with pytest.raises(EditorFailed, match="No closing quotation"):
        edit(str(file), 1)
