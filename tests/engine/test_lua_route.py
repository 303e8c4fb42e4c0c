"""Calls of `route`: what it sees, what it may answer, and what happens when it fails."""

import pytest

from rsp.core.route import RouteAnswer, RouteFailed, RouteRequest
from rsp.engine.lua_config import LuaRouter, load_source, rebuild_router

MINIMAL = """listen { address = "127.0.0.1:8080" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
"""


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
    router.on_print = lambda text, _request: printed.append(text)
    for path in ("/y", "/x"):
        with pytest.raises(RouteFailed):
            router.route(request(path=path))
    assert printed == ["at\t/y\n", "at\t/x\n"]


def test_printing_without_end_is_cut() -> None:
    printed: list[str] = []
    router = router_of('for i = 1, 1000 do print(("x"):rep(99)) end\nreturn "web"')
    router.on_print = lambda text, _request: printed.append(text)
    assert router.route(request()).target == "web"
    assert [len(text) for text in printed] == [4096]


@pytest.mark.usefixtures("unhurried")
def test_the_budget_is_the_one_of_the_file() -> None:
    body = 'for i = 1, 1e5 do end\nreturn "web"'
    assert router_of(body).route(request()).target == "web"
    with pytest.raises(RouteFailed, match="ran more than 10000 Lua instructions"):
        router_of(body, "limits { lua_instructions = 10000 }").route(request())


@pytest.mark.usefixtures("unhurried")
def test_the_memory_is_the_one_of_the_file() -> None:
    body = 'local t = {}\nfor i = 1, 60 do t[i] = ("x"):rep(1e5) .. i end\nreturn "web"'
    assert router_of(body).route(request()).target == "web"
    with pytest.raises(RouteFailed, match="out of memory"):
        router_of(body, "limits { lua_memory_bytes = 4194304 }").route(request())


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


@pytest.mark.usefixtures("unhurried")
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


def test_a_secret_outside_ascii_is_found_in_what_route_says() -> None:
    router = router_of('return "web", { reason = request.headers.cookie }')
    answer = router.route(request(fields=[(b"cookie", "id=gehörtnurmir".encode())]))
    assert answer.reason == "id=gehörtnurmir"
    assert "gehörtnurmir" in answer.secrets
