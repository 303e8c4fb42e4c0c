"""What each demo is made of: its pools, its configuration, and the line of it that matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scene(StrEnum):
    """Which demo is shown."""

    PLAIN = "plain"
    SLOW_WRITE = "slow-write"
    SPLIT_ROUTE = "split-route"


TWO_POOLS = {"web": ("web1", "web2"), "files": ("files1", "files2")}
ONE_POOL = {"apps": tuple(f"apps{number}" for number in range(1, 10))}
FEW_BACKENDS = 4
"""How many of them there are at first: the others come while the story runs."""

ROUTE_BY_HOST = """\
-- Files have backends of their own; everything else is the web site.
function route(request)
  if request.host == "files.example" then
    return "files", { reason = "the files have their own backends" }
  end
  return "web", { reason = "every other host is the web site" }
end
"""

ROUTE_WITH_THE_BUG = """\
-- A site always runs on the same backend: the hash of its host decides.
-- A reload has to reach that backend too, so there the domain in the path decides.
function route(request)
  local host, reason = request.host, "host decides"
  local domain = request.path:match("^/user/[^/]+/webapps/([^/]+)/reload$")
  if domain then
    host, reason = domain, "reload URL: the domain in the path decides"
  end
  return "apps", { key = host, reason = reason }
end
"""
"""That of sample_configs/platform_case_sensitive.lua, word for word."""

SAME_IDENTITY = """\
-- The domain in that path names what a Host names: audit and `rsp check` compare the two.
same_identity { path = "^/user/[^/]+/webapps/([^/]+)/reload$" }

"""

BROKEN_LINE = '  return "apps", { key = host, reason = reason }\n'
CURED_LINE = '  return "apps", { key = host:lower(), reason = reason }\n'


@dataclass(frozen=True, slots=True)
class SceneSetting:
    """The pools of a scene and how its configuration routes."""

    pools: Mapping[str, tuple[str, ...]]
    balance: str
    route: str

    @property
    def site_names(self) -> tuple[str, ...]:
        """Every backend of every pool."""
        return tuple(name for names in self.pools.values() for name in names)


SETTINGS = {
    Scene.PLAIN: SceneSetting(TWO_POOLS, "least_connections", ROUTE_BY_HOST),
    Scene.SLOW_WRITE: SceneSetting(TWO_POOLS, "least_connections", ROUTE_BY_HOST),
    Scene.SPLIT_ROUTE: SceneSetting(ONE_POOL, "hash_mod", SAME_IDENTITY + ROUTE_WITH_THE_BUG),
}


def lua_for(scene: Scene, addresses: Mapping[str, str], most: int | None = None) -> str:
    """Return the configuration of `scene`; `addresses` has `host:port` by backend name.

    `most` is the number of backends that a pool has at most, the first ones; None: all.
    """
    setting = SETTINGS[scene]
    command = "rsp demo" if scene is Scene.PLAIN else f"rsp demo {scene}"
    parts = [f"-- The configuration of `{command}`."]
    parts.append('listen { address = "127.0.0.1:0" }\n')
    for pool, names in setting.pools.items():
        backends = "".join(
            f'    {{ name = "{name}", address = "{addresses[name]}" }},\n' for name in names[:most]
        )
        parts.append(f'pool("{pool}", {{\n  balance = "{setting.balance}",\n  backends = {{')
        parts.append(f"{backends}  }},\n}})\n")
    return "\n".join([*parts, setting.route])


def line_of_the_bug(source: str) -> int | None:
    """Return the line, from 1, on which the split-route configuration is wrong; None if cured."""
    for number, line in enumerate(source.splitlines(keepends=True), start=1):
        if line == BROKEN_LINE:
            return number
    return None


def cured(source: str) -> str:
    """Return `source` with the one line mended."""
    return source.replace(BROKEN_LINE, CURED_LINE)
