"""What a configuration needs before it can be in force."""

from typing import NamedTuple, Protocol

from rsp.core.config import Config
from rsp.core.route import Router


class Built(NamedTuple):
    """A configuration that can be put in force."""

    filed: Config
    """As the file has it."""
    config: Config
    """With what was added at run time."""
    router: Router


class Ground(Protocol):
    """What a configuration stands on: runtimes of Lua, and listeners."""

    async def rebuild(self, filed: Config) -> Built:
        """Make a fresh runtime of a text that was in force before. Raises `ConfigError`."""

    def open_listeners(self, config: Config) -> None:
        """Open those that are new, close those that are gone. Raises `CannotListen`."""
