"""What a route does to its own request costs nobody else one: attacks beside ordinary traffic."""

import re

from tests.behaviour.configs import LISTEN, LUA_SOON_MET, pool
from tests.behaviour.conftest import OpenBackend, StartEngine, StartTraffic
from tests.behaviour.waiting import wait_until

ATTACKS = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "strings": "local s = ('x'):rep(1e6) while true do local t = s:reverse() end",
    "pattern": "return ('a'):rep(200):find('.-.-.-.-b')",
    "python": "return python.none.__class__",
    "ffi": "return require('ffi').C.system('true')",
    "print": "for i = 1, 1e5 do print(('x'):rep(1000)) end",
    "result": "return ('x'):rep(1e6)",
    "error": "error({})",
    "memory": "local t = {} while true do t[#t + 1] = ('x'):rep(1e5) .. #t end",
    "doubling": "local s = 'x' while true do s = s .. s end",
}
OUT_OF_TIME = "ran for more than"
ROUTE = (
    "local attacks = {}\n"
    + "\n".join(f"function attacks.{name}(request) {body} end" for name, body in ATTACKS.items())
    + """
function route(request)
  local attack = attacks[request.path:match("^/attack/(%l+)$")]
  if attack then return attack(request) end
  return "web", { reason = "ordinary" }
end
"""
)


def test_every_other_request_is_answered_while_routes_are_attacked(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    proxy = engine(LISTEN + pool(backend()) + ROUTE)
    flowing = traffic(proxy)
    for _ in range(3):
        for name in ATTACKS:
            assert proxy.get(f"/attack/{name}").status == 502, name
            flowing.let_pass(3)
    flowing.let_pass()
    status = proxy.ctl("status")
    assert status["generation"] == 1
    assert proxy.memory_bytes() < 256 << 20


def test_a_runtime_that_is_out_of_memory_is_replaced_and_that_is_said(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    proxy = engine(LISTEN + LUA_SOON_MET + pool(backend()) + ROUTE)
    flowing = traffic(proxy)
    errors: list[str] = []

    def eat_memory() -> bool:
        assert proxy.get("/attack/memory").status == 502
        rows = proxy.ask("decisions")["decisions"]
        errors.append(next(row["error"] for row in rows[::-1] if row["path"] == "/attack/memory"))
        return OUT_OF_TIME not in errors[-1]

    for number in range(1, 6):
        # Processor time of a virtual machine holds what its host took: it may run out first.
        wait_until(eat_memory)
        # The one behind it has a runtime again, made of the text that runs.
        assert proxy.get("/").status == 200
        said = [line for line in proxy.events() if "the Lua runtime is replaced" in line]
        assert len(said) == number, errors
        assert "ran out of memory" in said[-1]
    asked = proxy.ctl("explain", "GET", "http://a/attack/memory")
    assert "ran out of memory" in asked["error"]
    assert proxy.get("/").status == 200
    flowing.let_pass()
    record = proxy.ask("decisions", limit=1)["decisions"][0]
    assert (record["reason"], record["backend"]) == ("ordinary", "web1")


def test_a_route_that_is_cut_off_names_its_line_and_is_logged(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + LUA_SOON_MET + pool(backend()) + ROUTE)
    assert proxy.get("/attack/loop").status == 502
    error = proxy.ask("decisions", limit=1)["decisions"][0]["error"]
    assert re.search(r"config\.lua:\d+: ran more than 100000 Lua instructions", error)
    wait_until(lambda: "ran more than 100000 Lua instructions" in proxy.log)
