"""The way from a command to the dashboard, for those commands that end in one."""

import os
import sys
from pathlib import Path

from rsp.cli.failure import Failure


def is_terminal() -> bool:
    """Tell whether there is a terminal that can show a dashboard."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def show(path: Path, *, read_only: bool, engine_is_child: bool) -> str:
    """Show the dashboard until it is left; return `stop` or `leave`.

    Raises:
        Failure: there is no terminal for it.
    """
    if not is_terminal():
        raise Failure(
            "the dashboard needs a terminal; without one, `rsp ctl status`, `rsp ctl connections` "
            "and `rsp ctl events --follow` say the same"
        )
    from rsp.tui.app import run_dashboard

    return str(run_dashboard(str(path), read_only=read_only, engine_is_child=engine_is_child))
