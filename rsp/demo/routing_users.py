"""The clients of the split-route story: visits in lower case, reloads in the spelling of the owner,
and a count of the reloads that went astray."""

import asyncio
from dataclasses import dataclass

from rsp.demo.clients import ask, connected
from rsp.demo.numbers import RELOAD_PAUSE_S

SPELLINGS = ("IronHand", "JoeButy", "RedPanda", "BlueHeron", "NightOwl", "GreyWolf")
"""Mixed-case names of the sites whose owners press "reload"."""

DASHBOARD_HOST = "www.host.example"
"""The site that carries the reload button."""


@dataclass(frozen=True, slots=True)
class Reload:
    """One reload: where the site is served, and where the reload arrived."""

    domain: str
    """As the owner spells it."""
    visited: str | None
    """The backend that serves the site, by its lower-case name."""
    reloaded: str | None
    """The backend that got the reload."""

    @property
    def went_astray(self) -> bool:
        """Whether the reload reached another backend than the one that serves the site."""
        return self.visited != self.reloaded


async def reload_once(address: str, name: str) -> Reload:
    """Visit a site, then reload it, through the proxy at `address`.

    Raises:
        OSError: the connection failed.
        asyncio.IncompleteReadError: an answer was cut short.
    """
    domain = f"{name}.example"
    async with connected(address) as stream:
        visited = await ask(stream, "GET", "/", domain.lower())
        path = f"/user/{name}/webapps/{domain}/reload"
        reloaded = await ask(stream, "POST", path, DASHBOARD_HOST, content_length=0)
    return Reload(domain, visited, reloaded)


async def reload_all(address: str) -> list[Reload]:
    """Reload every site once, with a short pause after each."""
    reloads = []
    for name in SPELLINGS:
        reloads.append(await reload_once(address, name))
        await asyncio.sleep(RELOAD_PAUSE_S)
    return reloads
