"""What a pasted snippet may try: each row is stopped, and reaches no Python object."""

import time

import pytest

from rsp.core.config import ConfigError
from rsp.core.route import RouteFailed, RouteRequest
from rsp.engine.lua_config import LuaRouter, load_source
from tests.lua_attacks import RUNS_FOREVER, TOO_COSTLY

HEAD = """
listen { address = "127.0.0.1:0" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
"""

REQUEST = RouteRequest(
    "GET", "/a", "", "a.test", "A.test", [(b"Host", b"A.test")], "127.0.0.1", "127.0.0.1:0"
)


def router_of(body: str) -> LuaRouter:
    """Return the router of a configuration whose route is `body`, from line 5 on."""
    source = f"{HEAD}function route(request)\n{body}\nend"
    router = load_source(source.encode(), "site.lua").router
    assert router is not None
    return router


@pytest.mark.parametrize("body", RUNS_FOREVER.values(), ids=RUNS_FOREVER)
def test_what_runs_for_ever_is_stopped(body: str) -> None:
    router = router_of(body)
    started_s = time.thread_time()
    with pytest.raises(RouteFailed, match=r"^site\.lua:\d+: ran (more than 1000000|for more than)"):
        router.route(REQUEST)
    # It is 0.06 s; machines differ much.
    assert time.thread_time() - started_s < 2.0
    assert router.broken is None
    assert router.running is None


@pytest.mark.parametrize(("body", "message"), TOO_COSTLY.values(), ids=TOO_COSTLY)
def test_what_no_hook_can_interrupt_is_refused_before_it_starts(body: str, message: str) -> None:
    router = router_of(body)
    with pytest.raises(RouteFailed) as caught:
        router.route(REQUEST)
    assert str(caught.value).startswith("site.lua:")
    assert message in str(caught.value)
    assert router.broken is None


ORDINARY = {
    "the reload URL": (
        "('/user/' .. ('x'):rep(8000)):match('^/user/[^/]+/webapps/([^/]+)/reload$') == nil"
    ),
    "a file name": "('/a/b/c.html'):match('[^/]+$') == 'c.html'",
    "an ending": "('/a/b/c.html'):match('^(.*)%.html$') == '/a/b/c'",
    "a long path, anchored": "(('/a'):rep(4000) .. '.html'):match('^(.*)%.html$') ~= nil",
    "a browser": "('Mozilla/5.0 (X)' .. (' y'):rep(200) .. ' Z/1'):find('Mozilla.*%(.*Z') == 1",
    "a scheme": "('https://a'):match('^https?://(.+)') == 'a'",
    "words": "select(2, ('a, b, c'):gsub('[^,%s]+', string.upper)) == 3",
    "a map": "(('a-b'):gsub('%a', { a = 'x' })) == 'x-b'",
    "digits": "('%05d %s %q'):format(42, 'x', 'y') == '00042 x \"y\"'",
    "a loop": "(function() local n = 0 for _ in ('a b c'):gmatch('%a') do n = n + 1 end "
    "return n end)() == 3",
    "sorting": "(function() local t = { 3, 1, 2 } table.sort(t) return t[1] end)() == 1",
    "a coroutine": "coroutine.wrap(function() coroutine.yield(7) end)() == 7",
    "a protected call": "select(2, pcall(error, 'x', 0)) == 'x'",
    "the time": "os.time({ year = 2014, month = 3, day = 28 }) > 1.39e9 and os.time() > 1.7e9",
    "a name of its own": (
        "('%s'):format(setmetatable({}, { __tostring = function() return 'me' end })) == 'me'"
    ),
    "bits": "bit.band(6, 3) == 2",
    "a set with a bracket": "('a]b'):match('[]]') == ']'",
    "a frontier": "('THE (quick) fox'):find('%f[%a]%a+%f[%A]') == 1",
    "balance": "('f(a(b))'):match('%b()') == '(a(b))'",
}


@pytest.mark.parametrize("expression", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_work_is_not_in_the_way_of_the_walls(expression: str) -> None:
    router = router_of(f"return ({expression}) and 'yes' or 'no'")
    assert router.route(REQUEST).target == "yes"


OUT_OF_MEMORY = {
    "strings": "local t = {} while true do t[#t + 1] = ('x'):rep(1e5) .. #t end",
    "tables": "local t = {} while true do t = { t } end",
    "doubling": "local s = 'x' while true do s = s .. s end",
    "coroutines": "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
    "in a protected call": (
        "local t = {}\nwhile true do pcall(function() t[#t + 1] = ('x'):rep(1e5) .. #t end) end"
    ),
    "a large replacement": (
        "return ('x'):rep(6e4):gsub('x', function() return ('y'):rep(1000) end)"
    ),
    "growing keys": (
        "local m = {} m.__index = function(t, k) return t[k .. 1] end\nreturn setmetatable({}, m).x"
    ),
}


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("body", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_memory_that_runs_out_costs_the_runtime_and_nothing_else(body: str) -> None:
    router = router_of(body)
    with pytest.raises(RouteFailed, match=r"^site\.lua:.*out of memory"):
        router.route(REQUEST)
    assert router.broken is not None
    with pytest.raises(RouteFailed, match="out of memory"):
        router.route(REQUEST)


@pytest.mark.usefixtures("unhurried")
def test_a_hoard_is_noticed_while_there_is_room_for_the_next_request() -> None:
    router = router_of(
        "hoard = hoard or {}\nhoard[#hoard + 1] = ('x'):rep(2e5) .. #hoard return 'web'"
    )

    def ask_again_and_again() -> None:
        for _ in range(100):
            router.route(REQUEST)

    with pytest.raises(RouteFailed, match="out of memory"):
        ask_again_and_again()
    assert 10 < router.calls < 100
    assert router.broken is not None


@pytest.mark.parametrize(
    "text",
    ["x = " + "(" * 50_000, "x = " + "{" * 50_000, "x = " + "a .. " * 50_000,
     "x = " + "not " * 50_000, "if x then " * 50_000, "x = function() " * 50_000, "[" * 50_000,
     "x = 2 " + "^ 2" * 50_000, "x." + "a." * 50_000, "local " + "x, " * 50_000,
     "x = -" + " - -" * 50_000],
)  # fmt: skip
def test_text_that_is_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^Error parsing config file: site\.lua"):
        load_source(text.encode(), "site.lua")


@pytest.mark.usefixtures("unhurried")
def test_the_walls_do_not_rely_on_what_a_configuration_can_change() -> None:
    router = router_of("""
      string.find, string.match, string.format, string.sub = nil, nil, nil, nil
      table.concat, table.insert, math.ceil, error, pcall = nil, nil, nil, nil, nil
      type, tostring, next, rawget, select = nil, nil, nil, nil, nil
      while true do end
    """)
    for _ in range(2):
        with pytest.raises(RouteFailed, match="ran more than"):
            router.route(REQUEST)


def test_a_call_that_was_stopped_leaves_the_next_one_alone() -> None:
    router = router_of("if request.path == '/a' then while true do end end return 'web'")
    with pytest.raises(RouteFailed):
        router.route(REQUEST)
    fine = RouteRequest("GET", "/b", "", "a.test", "a.test", [], "127.0.0.1", "127.0.0.1:0")
    assert router.route(fine).target == "web"
