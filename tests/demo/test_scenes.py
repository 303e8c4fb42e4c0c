"""The demo's configurations, loaded by the engine's own loader, route as the stories claim."""

from pathlib import Path
from random import Random

import pytest

from rsp.core.backends import BackendTable
from rsp.core.route import RouteRequest
from rsp.core.routing import Balancer
from rsp.demo.routing_users import DASHBOARD_HOST, PLAIN_NAMES, SPELLINGS, domain_of
from rsp.demo.scenes import FEW_BACKENDS, ROUTE_WITH_THE_BUG, SETTINGS, Scene, cured, lua_for
from rsp.engine.lua_config import LoadedConfig, load_source

ADDRESSES = {
    name: f"127.0.0.1:{port}"
    for scene in Scene
    for port, name in enumerate(SETTINGS[scene].site_names, start=9001)
}


def loaded(source: str) -> LoadedConfig:
    return load_source(source.encode(), "demo.lua")


def backend_for(config: LoadedConfig, method: str, path: str, host: str) -> str:
    assert config.router is not None
    lower = host.lower()
    request = RouteRequest(method, path, "", lower, host, [], "127.0.0.1", "127.0.0.1:80")
    table = BackendTable.of(config.config.pools, 1)
    answer = config.router.route(request)
    decision = Balancer().decide(table, answer, request, {}, Random(1).random)
    assert decision.backend is not None, decision.error
    return decision.backend.name


def astray(config: LoadedConfig) -> list[str]:
    """Return the owners whose reload reaches another backend than their visits."""
    return [
        name
        for name in (*SPELLINGS, *PLAIN_NAMES)
        if backend_for(config, "GET", "/", domain_of(name).lower())
        != backend_for(
            config, "POST", f"/user/{name}/webapps/{domain_of(name)}/reload", DASHBOARD_HOST
        )
    ]


@pytest.mark.parametrize("scene", list(Scene))
def test_each_configuration_loads_with_all_its_backends(scene: Scene) -> None:
    pools = loaded(lua_for(scene, ADDRESSES)).config.pools
    names = tuple(backend.name for pool in pools for backend in pool.backends)
    assert names == SETTINGS[scene].site_names


def test_files_have_their_own_pool() -> None:
    config = loaded(lua_for(Scene.PLAIN, ADDRESSES))
    assert backend_for(config, "GET", "/big/10", "files.example").startswith("files")
    assert backend_for(config, "GET", "/", "WWW.Example").startswith("web")


def test_four_backends_hide_the_bug_from_two_owners_and_nine_from_none() -> None:
    source = lua_for(Scene.SPLIT_ROUTE, ADDRESSES, FEW_BACKENDS)
    hidden = set(SPELLINGS) - set(astray(loaded(source)))
    assert hidden == {"IronHand", "JoeButy"}
    assert astray(loaded(lua_for(Scene.SPLIT_ROUTE, ADDRESSES))) == list(SPELLINGS)


@pytest.mark.parametrize("most", [FEW_BACKENDS, None])
def test_the_cured_line_brings_every_reload_home_and_moves_no_site(most: int | None) -> None:
    source = lua_for(Scene.SPLIT_ROUTE, ADDRESSES, most)
    before, after = loaded(source), loaded(cured(source))
    assert astray(after) == []
    for name in (*SPELLINGS, *PLAIN_NAMES):
        site = domain_of(name).lower()
        assert backend_for(before, "GET", "/", site) == backend_for(after, "GET", "/", site)


def test_the_demo_routes_as_the_sample_does() -> None:
    samples = Path(__file__).parent.parent.parent / "sample_configs"
    assert ROUTE_WITH_THE_BUG in (samples / "platform_case_sensitive.lua").read_text()
    assert cured(ROUTE_WITH_THE_BUG) in (samples / "platform.lua").read_text()
