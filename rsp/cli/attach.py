"""`rsp attach`: a dashboard on a running engine."""

from pathlib import Path

import click

from rsp.cli.link import Link, find_engine
from rsp.cli.screen import color_option, show


@click.command("attach")
@click.option("--control", type=click.Path(path_type=Path), metavar="PATH",
              help="The engine's control socket; needed when several engines run.")  # fmt: skip
@click.option("--read-only", is_flag=True, help="Look, and change nothing.")
@color_option
def command(control: Path | None, read_only: bool) -> None:
    """Show the dashboard of a running engine; any number of them may be attached."""
    path = find_engine(control)
    Link(path).close()
    show(path, read_only=read_only, engine_is_child=False)
