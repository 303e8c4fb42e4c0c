"""The part of the soak that needs no load: the deep search of hypothesis for a lost byte."""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.soak.stage import Outcome, Stage

ROOT = Path(__file__).parents[2]


def fuzz(stage: Stage) -> Outcome:
    """Run the tests of `tests/fuzz` 25 times as long as in the continuous build: 20 minutes."""
    words = [sys.executable, "-m", "pytest", "-q", "-o", "faulthandler_timeout=0", "tests/fuzz"]
    environment = {**os.environ, "RSP_HYPOTHESIS": "deep"}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    outcome = Outcome("500,000 cases, and 5,000 with real sockets")
    failed = re.search(r"(\d+) failed", done.stdout)
    outcome.errors = int(failed[1]) if failed else int(done.returncode != 0)
    outcome.remark = done.stdout.strip().rpartition("\n")[2]
    if outcome.errors:
        log = stage.directory.parent / "rsp-fuzz.log"
        log.write_text(done.stdout)
        outcome.remark += f"; see {log}"
    return outcome
