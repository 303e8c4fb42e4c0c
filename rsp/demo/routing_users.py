"""The clients of the split-route story: visits in lower case, reloads in the spelling of the owner,
and a count of the reloads that went astray."""

import asyncio
import random
from dataclasses import dataclass

from rsp.demo.clients import ask, connected
from rsp.demo.numbers import THINK_S

SPELLINGS = ("IronHand", "JoeButy", "RedPanda", "BlueHeron", "NightOwl", "GreyWolf")
"""Mixed-case names of the sites whose owners press "reload"."""

DASHBOARD_HOST = "www.host.example"
"""The site that carries the reload button."""


@dataclass(frozen=True, slots=True)
class Reload:
    """One reload: where the site is served, and where the reload arrived."""

    domain: str
    """As the owner spells it."""
    visited: str
    """The backend that serves the site, by its lower-case name."""
    reloaded: str
    """The backend that got the reload."""

    @property
    def went_astray(self) -> bool:
        """Whether the reload reached another backend than the one that serves the site."""
        return self.visited != self.reloaded


async def visit_and_reload(address: str, name: str) -> Reload:
    """Visit a site, then reload it, through the proxy at `address`, on one connection.

    Raises:
        OSError: the connection failed.
        asyncio.IncompleteReadError: an answer was cut short.
    """
    domain = f"{name}.example"
    async with connected(address) as stream:
        visited = await ask(stream, "GET", "/", domain.lower())
        await asyncio.sleep(random.uniform(*THINK_S))
        path = f"/user/{name}/webapps/{domain}/reload"
        reloaded = await ask(stream, "POST", path, DASHBOARD_HOST, content_length=0)
        await asyncio.sleep(random.uniform(*THINK_S))
    if visited is None or reloaded is None:
        raise ConnectionError("the proxy answered in place of a site")
    return Reload(domain, visited, reloaded)


async def reload_all(address: str) -> list[Reload]:
    """Let every owner visit and reload their site once; raises as `visit_and_reload` does."""
    return await asyncio.gather(*(visit_and_reload(address, name) for name in SPELLINGS))
