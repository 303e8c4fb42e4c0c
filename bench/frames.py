"""`python -m bench.frames SOCKET FILE`: the real dashboard, which writes down how long its loop is
held by each frame: folding a snapshot into the model and the table, and painting the screen."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from rsp.core.replies import Connections
from rsp.tui import app
from rsp.tui.app import Dashboard
from rsp.tui.feed import Pull


class TimedDashboard(Dashboard):
    """The dashboard with a stopwatch. Times are milliseconds."""

    CSS_PATH = str(Path(app.__file__).with_name("dashboard.tcss"))

    def __init__(self, control: str, found: Path) -> None:
        super().__init__(control, read_only=True, engine_is_child=False)
        self._found = found
        self.folds_ms: list[float] = []
        self.folded_at_s: list[float] = []
        self.paints_ms: list[float] = []

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Time the snapshots of the connections, and write down all that was timed so far."""
        began_s = time.perf_counter()
        super().take(pull, answer)
        if isinstance(answer, Connections):
            self.folds_ms.append((time.perf_counter() - began_s) * 1e3)
            self.folded_at_s.append(began_s)
            timed = {"fold": self.folds_ms, "paint": self.paints_ms, "at": self.folded_at_s}
            self._found.write_text(json.dumps(timed))

    def _display(self, *arguments: Any) -> None:
        """Time each paint: what Textual calls whenever something on the screen has changed."""
        began_s = time.perf_counter()
        super()._display(*arguments)
        self.paints_ms.append((time.perf_counter() - began_s) * 1e3)


if __name__ == "__main__":
    TimedDashboard(sys.argv[1], Path(sys.argv[2])).run()
