"""Loading a configuration: both forms, every refusal with its line, and calls of `route`."""

from pathlib import Path

import pytest

from rsp.core.config import ConfigError, ListenerConfig
from rsp.core.limits import CONFIG_BYTES, Limits
from rsp.core.routing import RouteAnswer, RouteFailed, RouteRequest
from rsp.core.vocabulary import BackendState, Mode
from rsp.engine.lua_config import (
    LuaRouter,
    config_for_url,
    load_config,
    load_source,
    rebuild_router,
)

ORIGINAL = 'listenPort = "8000"\nbackendAddress = "127.0.0.1"\nbackendPort = "80"\n'

MINIMAL = """listen { address = "127.0.0.1:8080" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
"""


def error_of(source: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_source(source.encode() if isinstance(source, str) else source, "site.lua")
    return caught.value


def router_of(body: str, before: str = "") -> LuaRouter:
    source = f"{MINIMAL}{before}\nfunction route(request)\n{body}\nend"
    router = load_source(source.encode(), "site.lua").router
    assert router is not None
    return router


def request(**changes: object) -> RouteRequest:
    made = RouteRequest(
        "GET", "/a/b", "c=d", "a.test", "A.test:80", [], "192.0.2.7", "127.0.0.1:8080"
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


# -- the three globals of the C original


def test_the_three_globals_make_a_whole_configuration() -> None:
    config = load_source(ORIGINAL.encode(), "rsp.lua").config
    assert config.listeners == (ListenerConfig("0.0.0.0:8000"),)
    (pool,) = config.pools
    assert (pool.name, pool.balance, pool.host) == ("default", "round_robin", "keep")
    (backend,) = pool.backends
    assert (backend.key, backend.address) == ("default/default", "127.0.0.1:80")
    assert backend.defined_at == "rsp.lua:2"
    assert not config.has_route
    assert config.source == ORIGINAL


def test_the_three_globals_may_stand_beside_a_route_and_limits() -> None:
    source = ORIGINAL + 'limits { connect_s = 1 }\nfunction route() return "default" end'
    loaded = load_source(source.encode(), "rsp.lua")
    assert loaded.config.limits.connect_s == 1.0
    assert loaded.router is not None
    assert loaded.router.route(request()).target == "default"


def test_a_number_is_a_string_as_lua_has_it() -> None:
    """The original asked lua_isstring, which is true for numbers: its files load unchanged."""
    config = load_source(b'listenPort=8000 backendAddress="::1" backendPort=80', "f").config
    assert config.listeners[0].address == "0.0.0.0:8000"
    assert config.pools[0].backends[0].address == "[::1]:80"


def test_a_missing_file_is_reported_as_the_original_did(tmp_path: Path) -> None:
    path = str(tmp_path / "absent.lua")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == (
        f"Error parsing config file: cannot open {path}: No such file or directory"
    )


@pytest.mark.parametrize("name", ["listenPort", "backendAddress", "backendPort"])
@pytest.mark.parametrize("value", ["nil", "true", "{}", "print"])
def test_a_global_that_is_no_string_is_reported_as_the_original_did(name: str, value: str) -> None:
    assert str(error_of(f"{ORIGINAL}{name} = {value}")) == f"{name} must be a string"


def test_an_empty_file_lacks_the_first_global() -> None:
    assert str(error_of("")) == "listenPort must be a string"


def test_broken_lua_is_reported_as_the_original_did(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 30 + ".lua")
    path.write_text('listenPort = "8000"\nbackendPort = = 3\n')
    with pytest.raises(ConfigError) as caught:
        load_config(str(path))
    assert str(caught.value) == (f"Error parsing config file: {path}:2: unexpected symbol near '='")
    assert caught.value.line == 2


# -- the full form


def test_everything_that_can_be_said_is_understood() -> None:
    config = load_source(
        b"""
        listen { address = "127.0.0.1:8080", trusted_proxies = { "10.1.2.3/8", "::1" } }
        listen { address = "[::1]:0", mode = "tcp", pool = "db" }
        pool("web", {
          balance = "hash", host = "backend",
          backends = {
            { name = "web1", address = "127.0.0.1:9001", weight = 0 },
            { name = "web2",
              address = "app.internal:80", weight = 2, max_connections = 100, state = "drain" },
          },
        })
        pool("db", {})
        limits { high_water_bytes = 1048576, connect_s = 0.5 }
        limits { connect_s = 2, request_body_bytes = 0 }
        function route() return "web" end""",
        "site.lua",
    ).config
    assert config.listeners == (
        ListenerConfig("127.0.0.1:8080", Mode.HTTP, None, ("10.0.0.0/8", "::1/128")),
        ListenerConfig("[::1]:0", Mode.TCP, "db", ()),
    )
    web, db = config.pools
    assert (web.balance, web.host, db.name, db.backends) == ("hash", "backend", "db", ())
    one, two = web.backends
    assert (one.weight, one.max_connections, one.state) == (0, 0, BackendState.READY)
    assert (two.weight, two.max_connections, two.state) == (2, 100, BackendState.DRAIN)
    assert (one.defined_at, two.defined_at) == ("site.lua:7", "site.lua:8")
    assert config.limits == Limits(high_water_bytes=1048576, connect_s=2.0)
    assert config.has_route


def test_a_configuration_may_compute() -> None:
    source = """
      local backends = {}
      for number = 1, 300 do
        backends[number] = { name = "b" .. number, address = "127.0.0.1:" .. 9000 + number }
      end
      pool("many", { backends = backends })"""
    (pool,) = load_source(source.encode(), "site.lua").config.pools
    assert len(pool.backends) == 300
    assert pool.backends[299].address == "127.0.0.1:9300"
    assert pool.backends[299].defined_at == "site.lua:6"


REFUSED = {
    "unknown key of listen": (
        'listen { adress = "127.0.0.1:80" }',
        'listen has no "adress"; did you mean "address"?',
    ),
    "unknown key of a pool": ('pool("x", { balence = "hash" })', 'did you mean "balance"?'),
    "unknown key of a backend": (
        'pool("x", { backends = { { name = "a", address = "a:1", wait = 3 } } })',
        'backend 1 of pool "x" has no "wait"; did you mean "weight"?',
    ),
    "nothing near": ("listen { zzz = 1 }", "there is address, mode, pool, trusted_proxies"),
    "no address": ("listen {}", "listen: address is missing"),
    "address of another kind": ("listen { address = 80 }", "address is 80; it must be a string"),
    "no port": ('listen { address = "localhost" }', "the port is missing"),
    "no function": ("listen { address = print }", "listen.address is a function"),
    "no table": ('listen "127.0.0.1:80"', "listen takes one table"),
    "pool without a name": ("pool({})", "pool takes a name and a table"),
    "deep": ("listen { a={a={a={a={a={a={}}}}}} }", "nested too deeply"),
    "keys of another kind": ("listen { [print] = 1 }", "has a function for a key"),
    "a list": ('listen { "127.0.0.1:80" }', "listen takes names with values"),
    "twice the listener": ('listen { address = "127.0.0.1:8080" }', "there are two of it"),
    "unknown mode": ('listen { address = "a:1", mode = "udp" }', 'mode "udp" is not there'),
    "unknown pool": (
        'listen { address = "a:1", pool = "wed" }',
        'pool "wed" is not there; did you mean "web"?',
    ),
    "bad proxies": ('listen { address = "a:1", trusted_proxies = "x" }', "is a list"),
    "bad network": (
        'listen { address = "a:1", trusted_proxies = { "x" } }',
        '"x" in trusted_proxies is no network',
    ),
    "twice the pool": ('pool("web", {})', 'pool "web" is there twice'),
    "name of a pool": ('pool("a b", {})', '"a b" cannot name a pool'),
    "unknown policy": ('pool("x", { balance = "hsh" })', 'did you mean "hash"?'),
    "bad host": ('pool("x", { host = "a b" })', 'host is "a b"; it is "keep"'),
    "backends no list": ('pool("x", { backends = { name = "a" } })', "backends is a list"),
    "backend no table": ('pool("x", { backends = { "a:1" } })', "write a table"),
    "backend without a name": (
        'pool("x", { backends = { { address = "a:1" } } })',
        "name is missing",
    ),
    "name of a backend": (
        'pool("x", { backends = { { name = "a/b", address = "a:1" } } })',
        '"a/b" cannot name a backend',
    ),
    "twice the backend": (
        'pool("x", {backends = {{name="a", address="a:1"}, {name="a", address="a:2"}}})',
        'backend "a" is there twice',
    ),
    "https": (
        'pool("x", { backends = { { name = "a", address = "https://a.test" } } })',
        'mode = "tcp"',
    ),
    "weight beyond": (
        'pool("x", { backends = { { name = "a", address = "a:1", weight = 257 } } })',
        "weight 257 of x/a is out of range: 0 to 256",
    ),
    "half a weight": (
        'pool("x", { backends = { { name = "a", address = "a:1", weight = 0.5 } } })',
        "weight is 0.5; it must be a whole number",
    ),
    "no weight at all": (
        'pool("x", { backends = { { name = "a", address = "a:1", weight = true } } })',
        "weight is true; it must be a whole number",
    ),
    "below none": (
        'pool("x", { backends = { { name = "a", address = "a:1", max_connections = -1 } } })',
        "max_connections -1 of x/a is out of range",
    ),
    "unknown state": (
        'pool("x", { backends = { { name = "a", address = "a:1", state = "down" } } })',
        'state "down" is not there; there is ready, drain, maint',
    ),
    "unknown limit": ("limits { conect_s = 1 }", 'did you mean "connect_s"?'),
    "limit in words": ('limits { connect_s = "3" }', "it must be a number of seconds"),
    "limit in halves": ("limits { head_bytes = 2000.5 }", "it must be a whole number"),
    "limit of nothing": ("limits { connect_s = 0 }", "connect_s must be more than 0"),
    "limit below": ("limits { linger_s = -1 }", "linger_s is -1"),
    "no number": ("limits { connect_s = 0/0 }", "connect_s is nan"),
    "without end": ("limits { connect_s = 1/0 }", "connect_s is inf"),
    "too little memory": ("limits { lua_memory_bytes = 1 }", "from 4,194,304 to"),
    "marks crossed": ("limits { high_water_bytes = 1024 }", "would never be resumed"),
    "a global beside": ('backendPort = "80"', "backendPort is set, and so are listen or pool"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_line_the_thing_and_what_is_right(call: str, message: str) -> None:
    error = error_of(f"{MINIMAL}-- a comment\n{call}")
    assert str(error).startswith("site.lua:4: ")
    assert message in str(error)
    assert error.line == 4


def test_a_call_over_several_lines_is_named_by_its_first() -> None:
    error = error_of('\npool("web", {\n  backends = {\n    { name = "a" },\n  },\n})\n')
    assert str(error) == 'site.lua:2: backend "web/a": address is missing'


LUA_ERRORS = {
    "an unknown function": ("Listen {}", "3: attempt to call global 'Listen' (a nil value)"),
    "an error of the author": ('error("Grüße")', "3: Grüße"),
    "a budget": ("while true do end", "3: ran more than 1000000 Lua instructions"),
    "no function for route": ("route = 5", "1: route is a number (5); it must be a function"),
}


@pytest.mark.parametrize(("line", "message"), LUA_ERRORS.values(), ids=LUA_ERRORS)
def test_an_error_of_lua_has_its_line(line: str, message: str) -> None:
    error = error_of(MINIMAL + line)
    assert str(error) == f"Error parsing config file: site.lua:{message}"
    assert error.line == int(message[0])


def test_bytecode_is_not_loaded() -> None:
    assert "attempt to load chunk with wrong mode" in str(error_of(b"\x1bLJ\x02"))


def test_memory_that_runs_out_while_loading_is_a_refusal() -> None:
    error = error_of("local t = {} while true do t[#t + 1] = ('x'):rep(1e5) .. #t end")
    assert "site.lua: ran out of memory (16777216 bytes)" in str(error)
    assert error.line is None


def test_no_pool_is_refused() -> None:
    assert "there is no pool" in str(error_of('listen { address = "127.0.0.1:80" }'))


def test_a_file_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.lua"
    path.write_bytes(b" " * (CONFIG_BYTES + 1))
    with pytest.raises(ConfigError, match="1,048,576 bytes at most"):
        load_config(str(path))


def test_what_is_printed_while_loading_is_kept() -> None:
    loaded = load_source(f'{MINIMAL}print("a", 1, nil)\nprint("ü")'.encode(), "site.lua")
    assert loaded.printed == "a\t1\tnil\nü\n"
    assert loaded.router is None


# -- --to URL


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:9001", "127.0.0.1:9001"),
        ("http://a.test/", "a.test:80"),
        ("http://[::1]", "[::1]:80"),
        ("127.0.0.1:9001", "127.0.0.1:9001"),
    ],
)
def test_a_url_is_a_whole_configuration(url: str, address: str) -> None:
    config = config_for_url(url)
    assert config.listeners == (ListenerConfig("127.0.0.1:8080"),)
    (pool,) = config.pools
    assert (pool.name, pool.host, pool.backends[0].key) == ("default", "backend", "default/default")
    assert pool.backends[0].address == address
    assert config.path is None
    assert config_for_url(url, "0.0.0.0:0").listeners[0].address == "0.0.0.0:0"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.test", 'mode = "tcp"'),
        ("ftp://a.test", "ftp is not known"),
        ("http://a.test/x", "a host and a port and nothing more"),
        ("http://a.test?x", "a host and a port and nothing more"),
        ("http://me@a.test", "a host and a port and nothing more"),
        ("http://a.test:99999", "write http://HOST:PORT"),
        ("http://a b", "is not a host name"),
        ("", "the host is missing"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_for_url(url)
    assert message in str(caught.value)
    assert str(caught.value).startswith("--to ")


def test_a_listener_that_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="the port is missing"):
        config_for_url("http://a.test", "localhost")


# -- calls of route


def test_route_sees_the_request() -> None:
    router = router_of(
        'return "web", { key = table.concat({ request.method, request.path, request.query, '
        'request.host, request.raw_host, request.client_ip, request.listener }, " ") }'
    )
    assert router.route(request()).key == ("GET /a/b c=d a.test A.test:80 192.0.2.7 127.0.0.1:8080")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ('return "web"', RouteAnswer("web")),
        ('return "web/web1"', RouteAnswer("web/web1")),
        ('return "web", {}', RouteAnswer("web")),
        ('return "web", { key = "k" }', RouteAnswer("web", "k")),
        ('return "web", { reason = "Grüße" }', RouteAnswer("web", None, "Grüße")),
        ('return "", { key = "", reason = "" }', RouteAnswer("", "")),
    ],
)
def test_route_answers(body: str, answer: RouteAnswer) -> None:
    router = router_of(body)
    assert router.route(request()) == answer
    assert router.broken is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "4: route returned nothing;"),
        ("return 42", "4: route returned a number (42);"),
        ("return true", "4: route returned a boolean (true);"),
        ("return {}", "4: route returned a table;"),
        ("return print", "4: route returned a function;"),
        ('return "web", "x"', "4: route returned a string after the pool;"),
        ('return "web", { key = 1 }', "a table whose key is a number (1), not a string;"),
        ('return "web", { raeson = "x" }', '4: route returned a table with "raeson" in it;'),
        ('return "web", { "x" }', "4: route returned a table with a number (1) in it;"),
        ("return request.hots", '5: request has no field "hots"; it has method, path,'),
        ("local x = nil .. 1", "5: attempt to concatenate a nil value"),
        ('error("no luck")', "5: no luck"),
        ('error("no luck", 0)', "4: no luck"),
        ("error()", "4: raised a nil instead of a message"),
        ("local x = string.find()", "5: bad argument #1 to 'find'"),
    ],
)
def test_a_route_that_fails_says_where_and_why(body: str, message: str) -> None:
    router = router_of(body)
    with pytest.raises(RouteFailed) as caught:
        router.route(request())
    assert str(caught.value).startswith("site.lua:")
    assert message in str(caught.value)
    assert router.broken is None


def test_headers_are_read_in_any_letter_case() -> None:
    router = router_of(
        "local h = request.headers\n"
        'return "web", { key = h["x-one"] .. "|" .. h["X-ONE"] .. "|" .. tostring(h["none"]) }'
    )
    fields = [(b"X-One", b"1: \xfc"), (b"x-two", b"2"), (b"X-ONE", b"")]
    assert router.route(request(fields=fields)).key == "1: \xfc, |1: \xfc, |nil"
    with pytest.raises(RouteFailed):
        router.route(request(fields=[]))


def test_headers_can_be_gone_through() -> None:
    router = router_of(
        "local names = {}\nfor name in pairs(request.headers) do names[#names + 1] = name end\n"
        'table.sort(names)\nreturn "web", { key = table.concat(names, " ") }'
    )
    fields = [(b"Host", b"a"), (b"Accept", b"*/*"), (b"HOST", b"b")]
    assert router.route(request(fields=fields)).key == "accept host"


def test_a_file_that_never_spells_headers_says_why_it_has_none() -> None:
    router = router_of('return request["head" .. "ers"].host')
    with pytest.raises(RouteFailed, match="only when the file spells the word headers"):
        router.route(request())


def test_the_headers_of_an_earlier_request_cannot_be_mixed_up_with_these() -> None:
    router = router_of('kept = kept or request\nreturn kept.headers["x"]')
    assert router.route(request(fields=[(b"x", b"web")])).target == "web"
    with pytest.raises(RouteFailed, match="only while it is routed"):
        router.route(request(fields=[(b"x", b"other")]))


def test_strangers_bytes_cross_unchanged() -> None:
    every = "".join(map(chr, range(256)))
    router = router_of('return "web", { key = request.path }')
    assert router.route(request(path=every)).key == every


def test_what_is_no_byte_is_refused() -> None:
    with pytest.raises(RouteFailed, match="characters that are no bytes"):
        router_of('return "web"').route(request(path="/€"))


def test_a_configuration_keeps_its_state_from_call_to_call() -> None:
    router = router_of('count = count + 1\nreturn "web", { key = tostring(count) }', "count = 0")
    assert [router.route(request()).key for _ in range(3)] == ["1", "2", "3"]
    assert router.calls == 3


def test_what_route_prints_goes_to_whoever_listens() -> None:
    printed: list[str] = []
    router = router_of('print("at", request.path)\nif request.path == "/x" then error("x") end')
    router.on_print = printed.append
    for path in ("/y", "/x"):
        with pytest.raises(RouteFailed):
            router.route(request(path=path))
    assert printed == ["at\t/y\n", "at\t/x\n"]


def test_printing_without_end_is_cut() -> None:
    printed: list[str] = []
    router = router_of('for i = 1, 1000 do print(("x"):rep(99)) end\nreturn "web"')
    router.on_print = printed.append
    assert router.route(request()).target == "web"
    assert [len(text) for text in printed] == [4096]


def test_the_budget_is_the_one_of_the_file() -> None:
    body = 'for i = 1, 1e5 do end\nreturn "web"'
    assert router_of(body).route(request()).target == "web"
    with pytest.raises(RouteFailed, match="ran more than 10000 Lua instructions"):
        router_of(body, "limits { lua_instructions = 10000 }").route(request())


def test_the_memory_is_the_one_of_the_file() -> None:
    body = 'local t = {}\nfor i = 1, 60 do t[i] = ("x"):rep(1e5) .. i end\nreturn "web"'
    assert router_of(body).route(request()).target == "web"
    with pytest.raises(RouteFailed, match="out of memory"):
        router_of(body, "limits { lua_memory_bytes = 4194304 }").route(request())


def test_memory_that_is_too_small_for_the_file_itself_is_refused() -> None:
    error = error_of(
        f"{MINIMAL}hoard = {{}} for i = 1, 60 do hoard[i] = ('x'):rep(1e5) .. i end\n"
        "limits { lua_memory_bytes = 4194304 }\nfunction route() return 'web' end"
    )
    assert "leaves no room below lua_memory_bytes (4,194,304)" in str(error)


def test_a_broken_router_is_rebuilt_from_the_text_that_runs() -> None:
    source = (
        f"{MINIMAL}hoard = {{}} -- \xff\nfunction route(request)\n"
        'while request.path == "/fill" do hoard[#hoard + 1] = ("x"):rep(1e5) .. #hoard end\n'
        'return "web" end'
    ).encode("latin-1")
    loaded = load_source(source, "site.lua")
    assert loaded.router is not None
    with pytest.raises(RouteFailed):
        loaded.router.route(request(path="/fill"))
    assert loaded.router.broken
    rebuilt = rebuild_router(loaded.config)
    assert rebuilt is not None
    assert rebuilt.route(request()).target == "web"
    assert rebuild_router(load_source(MINIMAL.encode(), "site.lua").config) is None


@pytest.mark.parametrize("size_bytes", [10_000, 100_000, 1_000_000])
def test_large_arguments_meet_a_full_runtime_without_ending_the_process(size_bytes: int) -> None:
    router = router_of(
        "hoard = hoard or {}\n"
        'for i = 1, 13 do hoard[#hoard + 1] = ("x"):rep(1e4) .. #hoard end return "web"'
    )
    outcomes: list[str] = []
    filler = request(path="x" * size_bytes)
    while not router.broken:
        try:
            outcomes.append(router.route(filler).target)
        except RouteFailed as error:
            outcomes.append(str(error))
    assert "out of memory" in outcomes[-1]


@pytest.mark.parametrize("call", ["listen {}", 'pool("late", {})', "limits {}"])
def test_nothing_can_be_declared_once_the_file_is_loaded(call: str) -> None:
    router = router_of(f"{call}\nreturn 'web'")
    with pytest.raises(RouteFailed, match=r"^site\.lua:5: \w+ declares what is there while"):
        router.route(request())


def test_a_route_that_is_no_function_of_the_file_fails_without_a_line() -> None:
    loaded = load_source(f"{MINIMAL}route = tostring".encode(), "site.lua")
    assert loaded.router is not None
    assert loaded.router.route(request()).target.startswith("table: ")
    loaded = load_source(f"{MINIMAL}route = math.floor".encode(), "site.lua")
    assert loaded.router is not None
    with pytest.raises(RouteFailed, match=r"^site\.lua: bad argument #1"):
        loaded.router.route(request())
