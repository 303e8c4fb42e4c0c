"""The clients of the split-route story: visits in lower case, reloads in the spelling of the owner,
and a count of the reloads that went astray."""

import asyncio
import random
from dataclasses import dataclass

from rsp.demo.clients import ask, connected
from rsp.demo.numbers import THINK_S

SPELLINGS = ("IronHand", "JoeButy", "RedFox", "BigOwl", "OldElk", "WetNewt")
"""Names with capitals of owners who press "reload". They are chosen so that the first two are
lucky with four backends and nobody is with nine: about what chance gives six, which is 1.5 and
0.7."""

PLAIN_NAMES = ("coaltit", "goldcrest", "rockdove", "stonechat", "wheatear", "woodlark")
"""Names that are the same in every spelling anybody uses."""

DASHBOARD_HOST = "www.host.example"
"""The site that carries the reload button."""


@dataclass(frozen=True, slots=True)
class Reload:
    """One reload: where the site is served, and where the reload arrived."""

    name: str
    """Of its owner, as they spell it."""
    visited: str
    """The backend that serves the site, by its lower-case name."""
    reloaded: str
    """The backend that got the reload."""

    @property
    def went_astray(self) -> bool:
        """Whether the reload reached another backend than the one that serves the site."""
        return self.visited != self.reloaded


def domain_of(name: str) -> str:
    """Return the site of an owner, in their spelling."""
    return f"{name}.on.example"


async def visit_and_reload(address: str, name: str) -> Reload:
    """Visit a site, then reload it, through the proxy at `address`, on one connection.

    Raises:
        OSError: the connection failed.
        asyncio.IncompleteReadError: an answer was cut short.
    """
    domain = domain_of(name)
    async with connected(address) as stream:
        visited = await ask(stream, "GET", "/", domain.lower())
        await asyncio.sleep(random.uniform(*THINK_S))
        path = f"/user/{name}/webapps/{domain}/reload"
        reloaded = await ask(stream, "POST", path, DASHBOARD_HOST, content_length=0)
        await asyncio.sleep(random.uniform(*THINK_S))
    if visited is None or reloaded is None:
        raise ConnectionError("the proxy answered in place of a site")
    return Reload(name, visited, reloaded)


async def reload_all(address: str) -> list[Reload]:
    """Let every owner visit and reload their site once; raises as `visit_and_reload` does."""
    names = (*SPELLINGS, *PLAIN_NAMES)
    return await asyncio.gather(*(visit_and_reload(address, name) for name in names))
