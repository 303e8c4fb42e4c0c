"""`rsp demo split-route` in a real terminal, told with the keys that its guide names."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.programs import needs
from tests.behaviour.terminal import Terminal
from tests.behaviour.waiting import wait_until

pytestmark = needs("tmux", "tmux")

EDITOR = """#!/bin/sh
# Mends the line at which it was opened, and no other one.
sed -i "${1#+}s/key = host,/key = host:lower(),/" "$2"
"""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    with tempfile.TemporaryDirectory(prefix="rsp") as name, contextlib.ExitStack() as stack:
        editor = Path(name) / "editor"
        editor.write_text(EDITOR)
        editor.chmod(0o700)
        monkeypatch.setenv("VISUAL", str(editor))
        opened = Terminal(Path(name), "demo", "demo", "split-route")
        stack.callback(opened.close)
        yield opened


def agree(terminal: Terminal, question: str, then: str) -> None:
    """Press ctrl+r, wait for what the question says, and answer `y` until it was heard."""
    terminal.press("C-r")
    terminal.wait_for(question)

    def heard() -> bool:
        terminal.press("y")
        return "Reload the configuration?" not in terminal.screen

    wait_until(heard)
    terminal.wait_for(then)


def test_from_the_alert_to_the_guilty_line_and_the_cured_reloaded_file(terminal: Terminal) -> None:
    terminal.wait_for("4 of 12 reloads astray: RedFox, BigOwl, OldElk, WetNewt")
    agree(terminal, "4 → 9 backends move 89% of all keys", "6 of 12 reloads astray: IronHand")
    terminal.wait_for("spellings of")
    terminal.press(":")
    terminal.wait_for("a command:")
    terminal.press("split")
    # That and nothing else is found: before it was typed, every command was listed.
    terminal.wait_for("🔎 split split The two decisions that sent one name two ways")
    terminal.press("Enter")
    terminal.wait_for("same name, different backends")
    terminal.press("Enter")
    terminal.wait_for("e edits")
    terminal.wait_for('return "apps", { key = host')
    terminal.press("e")
    terminal.wait_for("save, leave the editor. ✓")
    agree(terminal, "no lower-case key moves", "0 of 12 reloads astray")
    wait_until(lambda: "spellings of" not in terminal.screen)
    seen = terminal.wait_for("5. ctrl+r: no lower-case key would move; y. No reload goes astray. ✓")
    assert "✗" not in seen
    terminal.press("C-q")
    assert terminal.wait_for_end() == 0
