"""A `route` that is wrong costs the request that met it, and says so; the others never notice."""

import pytest

from tests.behaviour.configs import LISTEN, LUA_SOON_MET, pool
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until

ROUTE = """
local names = {
  ["/missing-pool"] = function() return "nowhere" end,
  ["/missing-backend"] = function() return "web/web7" end,
  ["/number"] = function() return 42 end,
  ["/nothing"] = function() return nil end,
  ["/empty"] = function() return "" end,
  ["/bad-options"] = function() return "web", 7 end,
  ["/raises"] = function() error("as told") end,
  ["/raises-a-table"] = function() error({}) end,
  ["/index-nil"] = function(request) return request.no.such end,
  ["/loops"] = function() while true do end end,
  ["/loops-in-pcall"] = function() while true do pcall(function() while true do end end) end end,
  ["/recurses"] = function() local function f() return 1 + f() end return f() end,
  ["/eats-memory"] = function()
    local all = {}
    for i = 1, 1e9 do all[i] = ("x"):rep(1e5) .. i end
  end,
  ["/slow-pattern"] = function() return (("a"):rep(200)):find((".-"):rep(12) .. "b") and "web" end,
  ["/huge-reason"] = function() return "web", { reason = ("x"):rep(1e6) } end,
}
function route(request)
  local wrong = names[request.path]
  if wrong then return wrong(request) end
  return "web"
end
"""

REASONS = {
    "/missing-pool": 'route named pool "nowhere", which is not there; there is only web',
    "/missing-backend": 'route named backend "web/web7", which is not there; pool web has web1',
    "/number": "route returned a number (42); it returns a pool",
    "/nothing": "route returned nothing; it returns a pool",
    "/empty": 'route named pool "", which is not there',
    "/bad-options": "route returned a number (7) after the pool",
    "/raises": "config.lua:15: as told",
    "/raises-a-table": "raised a table instead of a message",
    "/index-nil": 'config.lua:17: request has no field "no"',
    "/loops": "config.lua:18: ran more than 100000 Lua instructions",
    "/loops-in-pcall": "config.lua:19: ran more than 100000 Lua instructions",
    "/recurses": "stack overflow",
    "/eats-memory": "ran out of memory",
    "/slow-pattern": "the pattern",
    "/huge-reason": "a table whose reason has 1000000 bytes",
}


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site) + ROUTE + LUA_SOON_MET


@pytest.mark.parametrize(("path", "reason"), REASONS.items())
def test_a_wrong_route_is_a_502_with_a_record_that_says_why(
    proxy: Engine, site: Backend, path: str, reason: str
) -> None:
    bystander = proxy.connect()
    assert bystander.get().status == 200
    answer = proxy.get(path)
    assert answer.status == 502
    record = proxy.ask("decisions", limit=1)["decisions"][0]
    assert (record["path"], record["backend"]) == (path, None)
    assert reason in record["error"]
    wait_until(lambda: proxy.get().status == 200)
    assert [asked.path for asked in site.requests if asked.path != "/"] == []


def test_the_client_is_told_nothing_that_the_script_said(proxy: Engine, site: Backend) -> None:
    for path in ("/raises", "/index-nil", "/loops"):
        answer = proxy.get(path)
        assert answer.status == 502
        assert str(proxy.directory) not in answer.body.decode()
        assert "as told" not in answer.body.decode()


def test_a_route_that_eats_all_memory_costs_nobody_else_a_request(
    proxy: Engine, site: Backend
) -> None:
    bystander = proxy.connect()
    assert bystander.get().status == 200
    assert proxy.get("/eats-memory").status == 502
    assert bystander.get().status == 200
