"""What a pasted snippet may try: each row is stopped, and reaches no Python object."""

import time

import pytest

from rsp.core.config import ConfigError
from rsp.core.routing import RouteFailed, RouteRequest
from rsp.engine.lua_config import LuaRouter, load_source

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


RUNS_FOREVER = {
    "a loop": "while true do end",
    "a loop in a protected call": "while true do pcall(function() while true do end end) end",
    "protected calls of protected calls": "while true do pcall(pcall, pcall, error) end",
    "a loop in a coroutine": "coroutine.wrap(function() while true do end end)()",
    "resuming a loop again and again": (
        "local t = coroutine.create(function() while true do end end)\n"
        "while true do coroutine.resume(t) coroutine.resume(coroutine.create(function()"
        " while true do end end)) end"
    ),
    "a coroutine that yields for ever": (
        "local f = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
        "while true do pcall(f) end"
    ),
    "a comparison that loops": "table.sort({2, 1}, function() while true do end end)",
    "a replacement that loops": "string.gsub('x', '.', function() while true do end end)",
    "an index that loops": (
        "return setmetatable({}, {__index = function() while true do end end}).x"
    ),
    "a name that loops": (
        "tostring(setmetatable({}, {__tostring = function() while true do end end}))"
    ),
    "printing what loops": (
        "print(setmetatable({}, {__tostring = function() while true do end end}))"
    ),
    "sorting a large table": (
        "local t = {} for i = 1, 3e4 do t[i] = -i end table.sort(t) return 'web'"
    ),
    "endless recursion": "local function f() return f() end return f()",
    "joining large strings": "local s = ('x'):rep(1e6) while true do local t = s .. 1 end",
    "turning large strings": "local s = ('x'):rep(1e6) while true do local t = s:reverse() end",
    "inserting in front": (
        "local t = {} for i = 1, 1e5 do t[i] = i end\n"
        "while true do table.insert(t, 1, 1) table.remove(t, 1) end"
    ),
    "joining a large table": (
        "local t = {} for i = 1, 1e5 do t[i] = 'abcdefgh' end while true do table.concat(t) end"
    ),
    "patterns in a loop": "local s = ('a'):rep(600) while true do s:match('[^b]*x') end",
    "going through everything": "for k in function() return 1 end do end",
    "goto": "::again:: goto again",
    "cutting large strings": "local s = ('x'):rep(1e6) while true do local t = s:sub(2) end",
    "lowering large strings": "local s = ('X'):rep(1e6) while true do local t = s:lower() end",
    "raising large strings": "local s = ('x'):rep(1e6) while true do local t = s:upper() end",
    "repeating again and again": "while true do local t = ('x'):rep(1e6) end",
    "quoting large strings": (
        "local s = ('x'):rep(2e5) while true do local t = ('%q'):format(s) end"
    ),
    "comparing large strings": (
        "local a = ('x'):rep(1e6) local b = a .. 'y' while true do local c = a < b end"
    ),
    "looking for a long needle": (
        "local s, n = ('a'):rep(65000), ('a'):rep(1000) .. 'b'\n"
        "while true do s:find(n, 1, true) end"
    ),
    "replacing nothing": "local s = ('x'):rep(65000) while true do s:gsub('y', 'z') end",
    "bytes and back": (
        "local s = ('x'):rep(7000) while true do local t = string.char(s:byte(1, -1)) end"
    ),
    "counting a large table": (
        "local t = {} for i = 1, 5e4 do t[i] = 1 end while true do table.maxn(t) end"
    ),
    "unpacking a large table": (
        "local t = {} for i = 1, 7000 do t[i] = i end while true do unpack(t) end"
    ),
    "names of numbers": "local i = 0 while true do i = i + 1 local t = tostring(i) end",
    "numbers of names": "while true do local t = tonumber(('1'):rep(300)) end",
    "errors without end": "while true do pcall(error, 'x') end",
    "a sum that loops": ("return setmetatable({}, {__add = function() while true do end end}) + 1"),
    "an equality that loops": (
        "local m = {__eq = function() while true do end end}\n"
        "return setmetatable({}, m) == setmetatable({}, m)"
    ),
    "a call that loops": ("return setmetatable({}, {__call = function() while true do end end})()"),
    "an assignment that loops": (
        "setmetatable({}, {__newindex = function() while true do end end}).x = 1"
    ),
    "a replacement table that loops": (
        "('x'):gsub('.', setmetatable({}, {__index = function() while true do end end}))"
    ),
    "a coroutine for each turn": (
        "while true do coroutine.wrap(function() coroutine.yield(1) end)() end"
    ),
    "the clock": "while os.clock() >= 0 do end",
    "dates": "while true do os.time({ year = 2026, month = 1, day = 1 }) end",
}


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


TOO_COSTLY = {
    "twelve lazy repetitions": ("return ('a'):rep(200):find(('.-'):rep(12) .. 'b')", "steps"),
    "nine bytes that ran eleven seconds": ("return ('a'):rep(200):find('.-.-.-.-b')", "steps"),
    "the same in match": ("return ('a'):rep(200):match('.*.*.*.*b')", "steps"),
    "the same in gmatch": ("return ('a'):rep(200):gmatch('.+.+.+.+b')", "steps"),
    "the same in gsub": ("return ('a'):rep(200):gsub('.-.-.-.-b', '')", "steps"),
    "the same by the library": ("return string.find(('a'):rep(200), '.-.-.-.-b')", "steps"),
    "options without end": (
        "return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))",
        "steps",
    ),
    "balances": ("return ('('):rep(6e4):find(('%b()'):rep(5))", "steps"),
    "repeated sets": ("return ('a'):rep(900):find('[ab]*[ac]*[ad]*e')", "steps"),
    "an unanchored class on a long text": ("return ('a'):rep(60000):find('%a+%d')", "steps"),
    "a choice before a scan": ("return ('a'):rep(6e4):find('^.-a+b')", "steps"),
    "a flaw behind the costly part": ("return ('a'):rep(200):find('.-.-.-.-b%')", "malformed"),
    "a set without end": ("return ('a'):rep(200):find('.-.-.-.-[b')", "malformed"),
    "a long pattern": ("return ('a'):find(('a'):rep(2000))", "pattern has 2000 bytes"),
    "a long needle": ("return ('a'):find(('a'):rep(2000), 1, true)", "2000 bytes"),
    "a long text": ("return ('a'):rep(1e5):find('b')", "text has 100000 bytes"),
    "repeating": ("return ('x'):rep(1e8)", "string.rep would make"),
    "repeating, in words": ("return ('x'):rep('1e8')", "string.rep would make"),
    "repeating a number": ("return string.rep(7, 1e8)", "string.rep would make"),
    "repeating a separator": ("return (''):rep(1e6, ('x'):rep(100))", "string.rep would make"),
    "repeating without end": ("return ('x'):rep(math.huge)", "string.rep would make"),
    "replacing": (
        "return ('x'):rep(6e4):gsub('x', ('y'):rep(1000))",
        "string.gsub would make",
    ),
    "formatting": ("local s = ('x'):rep(9e5) return ('%q'):format(s)", "string.format would make"),
    "gsub in gsub": (
        "local function f() return (('x'):gsub('.', f)) end return f()",
        "more than 50 calls",
    ),
    "sort in sort": (
        "local function f() table.sort({2, 1}, f) end f()",
        "more than 50 calls",
    ),
    "format in format": (
        "local f f = function() return (('%s'):format(setmetatable({}, {__tostring = f}))) end\n"
        "return f()",
        "more than 50 calls",
    ),
    "time in time": (
        "local f f = function() return (os.time(setmetatable({}, {__index = f}))) end return f()",
        "field 'day' missing",
    ),
    "coroutines in coroutines": (
        "local function f() return coroutine.wrap(function() return (f()) end)() end f()",
        "more than 50 calls",
    ),
    "inserting far below": ("table.insert({}, -2^31, 1)", "position is outside"),
    "removing far below": ("table.remove({}, -2^31)", "position is outside"),
    "unpacking what is not there": ("return unpack({}, 1, 1e8)", "too many results"),
    "all bytes at once": ("return ('x'):rep(6e4):byte(1, -1)", "slice too long"),
    "concatenating for ever": (
        "local m = {} m.__concat = function(a, b) return (a .. b) end\n"
        "local t = setmetatable({}, m) return t .. t",
        "stack overflow",
    ),
}


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


@pytest.mark.parametrize("body", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_memory_that_runs_out_costs_the_runtime_and_nothing_else(body: str) -> None:
    router = router_of(body)
    with pytest.raises(RouteFailed, match=r"^site\.lua:.*out of memory"):
        router.route(REQUEST)
    assert router.broken is not None
    with pytest.raises(RouteFailed, match="out of memory"):
        router.route(REQUEST)


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
