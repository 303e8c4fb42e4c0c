"""The command line: one file per command, imported only when that command is called.

So `rsp attach` never loads Lua, and `rsp serve` never loads the screen.
"""

import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from rsp import __version__
from rsp.cli.failure import NO_OUTPUT

_COMMANDS = {
    "demo": "Sites, traffic and the dashboard, with nothing to set up.",
    "run": "Start an engine and show its dashboard.",
    "serve": "Run an engine alone: no screen, a log on stderr.",
    "attach": "Show the dashboard of a running engine.",
    "ctl": "Give one command to a running engine.",
    "check": "Validate and lint a configuration.",
    "explain": "Say which backend a request would reach, and why.",
    "init": "Write a commented sample configuration.",
    "keys": "List the keys of the dashboard, and say where to change them.",
}


class LazyGroup(click.Group):
    """Finds commands in files of their own; `rsp CONFIG.lua` is `rsp run CONFIG.lua`."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command. A full disk behind stdout is no finding of `check`, and no bug."""
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            click.echo("cannot write the output: no space is left on its device", err=True)
            sys.exit(NO_OUTPUT)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Nor is a reader who has left, such as `head`, a finding of `check`."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is still to be flushed has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(NO_OUTPUT)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"rsp.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a file where a command should stand for the configuration of `run`."""
        if args and args[0] not in _COMMANDS and _looks_like_file(args[0]):
            return "run", self.get_command(ctx, "run"), args
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _looks_like_file(word: str) -> bool:
    return not word.startswith("-") and (
        word.endswith(".lua") or "/" in word or Path(word).exists()
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rsp")
def main() -> None:
    """A debugger for reverse proxies that lives in a terminal.

    \b
    rsp demo                                     see it at work, with nothing to set up
    rsp run --to http://127.0.0.1:8000           put it in front of a site of yours
    rsp run CONFIG.lua                           the same with a configuration (rsp init writes one)
    rsp ctl connections --sort client.eagain_writes
    """
