"""The parts of the soak that bring their own load: tests that are longer here than in the build."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.soak.stage import Outcome, Stage

ROOT = Path(__file__).parents[2]
WHOLE_PROGRAM = (
    "test_changes_under_load.py",
    "test_dashboards_that_come_and_go.py",
    "test_syscall_faults.py",
)


def _run(stage: Stage, outcome: Outcome, variable: str, value: str, *paths: str) -> Outcome:
    """Run the tests at `paths` with one variable set in their environment."""
    # They may take as long as they need; this is not the build.
    options = ["-q", "-p", "no:cacheprovider", "-o", "timeout=0", "-o", "faulthandler_timeout=0"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *paths],
        cwd=ROOT,
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.search(r"(\d+) failed", done.stdout)
    outcome.errors = int(failed[1]) if failed else int(done.returncode != 0)
    outcome.remark = done.stdout.strip().rpartition("\n")[2]
    if outcome.errors:
        log = stage.directory.parent / f"rsp-soak-{variable.lower()}.log"
        log.write_text(done.stdout)
        outcome.remark += f"; see {log}"
    return outcome


def fuzz(stage: Stage) -> Outcome:
    """Search for a lost byte 25 times as long as in the continuous build: 20 minutes."""
    outcome = Outcome("500,000 cases, and 5,000 with real sockets")
    return _run(stage, outcome, "RSP_HYPOTHESIS", "deep", "tests/fuzz")


def whole_program(stage: Stage) -> Outcome:
    """Reload, edit, attach and inject in full numbers."""
    outcome = Outcome("200 reloads, 300 edits, 200 dashboards, every syscall fault")
    paths = [f"tests/behaviour/{name}" for name in WHOLE_PROGRAM]
    return _run(stage, outcome, "RSP_SOAK", "1", *paths)
