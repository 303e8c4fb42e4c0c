"""Fixtures of the dashboard's tests."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from textual.css.stylesheet import Stylesheet

from rsp.tui.app import Dashboard
from tests.tui.editing_engine import EditingEngine
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import DEADLINE_S


@pytest.fixture(scope="session", autouse=True)
def _style_sheets_are_parsed_once() -> Iterator[None]:
    """Parse each style sheet once in a run: for hundreds of apps it was a third of the time."""
    parsed: dict[tuple[object, ...], Any] = {}
    real = Stylesheet._parse_rules

    def parse_rules(sheet: Stylesheet, *arguments: Any, **named: Any) -> Any:
        variables = tuple(sheet._variables.items())
        key = (variables, arguments, tuple(named.items()))
        if key not in parsed:
            parsed[key] = real(sheet, *arguments, **named)
        return parsed[key]

    with mock.patch.object(Stylesheet, "_parse_rules", parse_rules):
        yield


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every screen be drawn for the same terminal, whoever runs the tests."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TMUX", raising=False)


@pytest.fixture(autouse=True)
def _lasting_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a notice stay as long as a test may wait for it: a slow machine paints seldom."""
    monkeypatch.setattr(Dashboard, "NOTIFICATION_TIMEOUT", DEADLINE_S)


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Yield a running fake engine. Its socket is in a short path, as unix sockets want it."""
    with tempfile.TemporaryDirectory(prefix="rsp") as directory:
        fake = FakeEngine(Path(directory) / "s")
        await fake.start()
        yield fake
        await fake.stop()


@pytest.fixture
async def editing() -> AsyncIterator[EditingEngine]:
    """Yield a running fake engine that carries edits out, with decisions and a configuration."""
    with tempfile.TemporaryDirectory(prefix="rsp") as directory:
        fake = EditingEngine(Path(directory) / "s")
        await fake.start()
        yield fake
        await fake.stop()
