"""Fixtures of the dashboard's tests."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tui.editing_engine import EditingEngine
from tests.tui.fake_engine import FakeEngine


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every screen be drawn for the same terminal, whoever runs the tests."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TMUX", raising=False)


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
