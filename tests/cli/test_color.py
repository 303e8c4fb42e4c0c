"""`--color`: chosen before the screen is loaded, for the three commands that show one."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from rsp.cli import main
from rsp.cli.screen import use_color

LOOK = """
import sys
from rsp.cli.screen import use_color
use_color(sys.argv[1])
assert "textual" not in sys.modules
from rsp.tui.app import Dashboard
app = Dashboard("/nowhere", read_only=True, engine_is_child=False)
print(app.console.color_system, app.no_color, app._fitting_theme(""))
"""


@pytest.mark.parametrize(
    ("color", "variables", "found"),
    [
        ("auto", {}, "truecolor False rsp"),
        ("auto", {"NO_COLOR": "1"}, "truecolor True rsp"),
        ("never", {}, "truecolor True rsp"),
        ("16", {}, "standard False ansi-dark"),
        ("16", {"NO_COLOR": "1"}, "standard False ansi-dark"),
    ],
)
def test_a_color_is_what_the_dashboard_gets(
    color: str, variables: dict[str, str], found: str
) -> None:
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    run = subprocess.run(
        [sys.executable, "-c", LOOK, color],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == found


def test_auto_touches_nothing() -> None:
    before = dict(os.environ)
    use_color("auto")
    assert dict(os.environ) == before


@pytest.mark.parametrize("command", ["attach", "run", "demo"])
def test_every_command_with_a_screen_takes_a_color(command: str) -> None:
    run = CliRunner().invoke(main, [command, "--help"])
    assert "[auto|16|never]" in run.output
    assert CliRunner().invoke(main, [command, "--color", "pink"]).exit_code == 2
