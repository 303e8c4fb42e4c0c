"""The way from a command to the dashboard, for those commands that end in one."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from rsp.cli.failure import Failure
from rsp.cli.hangup import end_with_terminal


def is_terminal() -> bool:
    """Tell whether there is a terminal that can show a dashboard."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def use_color(color: str) -> None:
    """Choose the colours of the dashboard: Textual reads these variables when it is imported."""
    if color == "never":
        os.environ["NO_COLOR"] = "1"
    elif color == "16":
        # What is said on the command line is meant for now; the variable stands there always.
        os.environ.pop("NO_COLOR", None)
        os.environ["TEXTUAL_COLOR_SYSTEM"] = "standard"


def _chosen(_ctx: click.Context, _param: click.Parameter, color: str) -> None:
    use_color(color)


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "16", "never"]),
    default="auto",
    show_default=True,
    expose_value=False,
    callback=_chosen,
    help="Colours of the dashboard: what the terminal says it has, its own sixteen, or none.",
)
"""For the commands that end in a dashboard."""


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
    return dashboard_of(str(path), read_only=read_only, engine_is_child=engine_is_child)


def dashboard_of(
    control: str, *, read_only: bool, engine_is_child: bool, guide: Sequence[str] = ()
) -> str:
    """Show the dashboard on the terminal that there is, until it is left or the terminal is gone.

    Raises:
        Failure: it crashed.
    """
    from rsp.tui.app import DashboardCrashed, run_dashboard

    end_with_terminal()
    try:
        return run_dashboard(
            control, read_only=read_only, engine_is_child=engine_is_child, guide=guide
        )
    except DashboardCrashed as error:
        raise Failure(str(error)) from error
