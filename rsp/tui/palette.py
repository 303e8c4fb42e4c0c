"""The commands that are given by name: `go 41`, `kill 41`, `filter state:blocked`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from rsp.core.sanitise import safe


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be asked for by name."""

    name: str
    argument: str
    """What comes after the name, for people; empty when nothing does."""
    help: str
    run: Callable[[str], None]
    mutates: bool = False

    @property
    def title(self) -> str:
        """Name and argument."""
        return f"{self.name} {self.argument}".rstrip()


class Commanded(Protocol):
    """An app that has commands."""

    def commands(self) -> Sequence[Command]:
        """Return the commands that may be given now."""


class CommandPaletteSource(Provider):
    """Finds commands for what is typed; an argument that fits makes one exact hit."""

    def _commands(self) -> Sequence[Command]:
        return cast(Commanded, self.app).commands()

    async def discover(self) -> Hits:
        """List every command that needs no argument."""
        for command in self._commands():
            if not command.argument:
                yield DiscoveryHit(
                    Content(command.title), partial(command.run, ""), command.title, command.help
                )

    async def search(self, query: str) -> Hits:
        """Find the commands for `query`."""
        name, _, argument = query.strip().partition(" ")
        argument = argument.strip()
        for command in self._commands():
            if command.argument and argument:
                if command.name.startswith(name):
                    said = f"{command.name} {safe(argument, 60)}"
                    score = 1.0 if command.name == name else 0.9
                    run = partial(command.run, argument)
                    yield Hit(score, Content(said), run, said, command.help)
            elif (score := _likeness(command, query.strip())) > 0:
                run = partial(command.run, "")
                yield Hit(score, Content(command.title), run, command.title, command.help)


def _likeness(command: Command, query: str) -> float:
    wanted = query.lower()
    if command.name.startswith(wanted):
        return 1.0
    if wanted in command.name:
        return 0.8
    return 0.5 if wanted in command.help.lower() else 0.0
