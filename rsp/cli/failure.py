"""How a command fails: a sentence on stderr and the exit status that scripts rely on."""

from typing import IO, Any

import click

from rsp.core.sanitise import safe

REFUSED = 1
"""The engine, or we, refused."""
WRONG_USAGE = 2
"""The command line must say more, or something else; click uses the same number."""
NO_ENGINE = 3
"""There is no engine at that control socket."""
NO_OUTPUT = 74
"""What was to be said could not be written: EX_IOERR of sysexits(3), which means nothing else."""


class Failure(click.ClickException):
    """Ends the program with a sentence and a status."""

    def __init__(self, message: str, exit_code: int = REFUSED) -> None:
        super().__init__(message)
        setattr(self, "exit_code", exit_code)  # noqa: B010 - click declares it for the class

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence as it is: the C original's messages stay what they were.

        But nothing in it is obeyed by the terminal: it may quote what a stranger sent.
        """
        lines = self.format_message().split("\n")
        click.echo("\n".join(safe(line) for line in lines), err=True)
