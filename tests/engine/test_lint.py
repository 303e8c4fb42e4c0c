"""The lint on a real runtime: what a route may be like, and what a clean one promises."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsp.core.linting.explore import Exploration
from rsp.core.linting.finding import RULES, Finding
from rsp.core.linting.lint import seeds_for, terrain_of
from rsp.core.linting.runs import with_host
from rsp.core.lua_limits import LINT_DEAR_RUNS, LINT_RUNS
from rsp.core.route import RouteFailed, RouteRequest
from rsp.core.vocabulary import Severity
from rsp.demo.scenes import SETTINGS, Scene, cured, lua_for
from rsp.engine.check import check
from rsp.engine.lua_config import LoadedConfig, load_source
from rsp.engine.probe import Probe

BEGINNING = """\
listen { address = "127.0.0.1:8080" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
pool("api", { backends = { { name = "api1", address = "127.0.0.1:9101" } } })
pool("apps", { balance = "hash", backends = { { name = "apps1", address = "127.0.0.1:9201" } } })
"""


def loaded(route: str) -> LoadedConfig:
    return load_source((BEGINNING + route).encode(), "site.lua")


def found(route: str) -> list[tuple[str, int | None]]:
    return [(finding.rule, finding.line) for finding in check(loaded(route))]


def line_of(source: str, text: str) -> int:
    return source[: source.index(text)].count("\n") + 1


def messages(findings: Iterable[Finding]) -> str:
    return "\n".join(finding.message for finding in findings)


@pytest.mark.parametrize(
    "body",
    [
        "while true do end",
        'for n = 1, 1e9 do request.path:find("x") end',
        'for n = 1, 1e9 do kept[n] = ("x"):rep(1000) .. n end',
        "return request.nothing.at.all",
        "error({})",
        'return ("x"):rep(1e9)',
        "local function again() return again() + 1 end return again()",
        'return coroutine.wrap(function() while true do coroutine.yield("web") end end)()',
        'if #request.path > 1 then while true do end end return "web"',
    ],
)
def test_a_route_that_is_beyond_help_ends_the_lint_in_good_time(body: str) -> None:
    config = loaded(f"local kept = {{}}\nfunction route(request)\n{body}\nend\n").config
    terrain = terrain_of(config)
    probe = Probe(config, terrain)
    exploration = Exploration(probe.run, terrain, probe.is_spent)
    exploration.explore(seeds_for(terrain, ()))
    dear = sum("ran " in (run.outcome.error or "") for run in exploration.kept)
    assert exploration.runs <= LINT_RUNS
    assert dear <= LINT_DEAR_RUNS


def test_a_route_that_loops_is_found_by_its_line() -> None:
    (finding,) = check(loaded("function route(request)\n  while true do end\nend\n"))
    assert (finding.rule, finding.line) == ("route_fails", 6)
    assert "Lua instructions" in finding.message or "processor time" in finding.message


@pytest.mark.parametrize(
    "body",
    [
        'if request.hots == "x" then return "api" end\n  return "web"',
        '("a"):rep(1e9)\n  return "web"',
        'listen { address = "127.0.0.1:1" }\n  return "web"',
        'request.path:match("%")\n  return "web"',
    ],
    ids=["a field that is not there", "too much", "a declaration", "a malformed pattern"],
)
def test_what_the_sandbox_refuses_is_found(body: str) -> None:
    rules = {finding.rule for finding in check(loaded(f"function route(request)\n  {body}\nend\n"))}
    assert "route_fails" in rules


@pytest.mark.parametrize(
    "words",
    ["nobody lives here", "no bots are allowed", "that would make no sense", "take at most 3"],
)
def test_an_error_of_the_authors_own_is_no_finding(words: str) -> None:
    assert found(f'function route(request)\n  error("{words}")\nend\n') == []


@pytest.mark.parametrize(
    "body",
    [
        'n = (n or 0) + 1\n  return n % 2 == 0 and "api" or "web"',
        'return math.random() < 0.5 and "api" or "web"',
        'return "apps", { key = tostring(os.clock()) }',
        'n = (n or 0) + 1\n  return "apps", { key = tostring(n) }',
    ],
)
def test_what_chance_or_a_counter_decides_is_no_difference_of_spelling(body: str) -> None:
    assert found(f"function route(request)\n  {body}\nend\n") == []


SWITCHED = """\
local closed = true
function route(request)
  if closed then return "web" end
  if request.path:match("^/api/") then return "api" end
  return "web"
end
"""
TIMED = """\
function route(request)
  if request.path:match("^/api/") and os.time() % 86400 > 3600 then return "api" end
  if request.path:match("^/api/") then return "apps" end
  return "web"
end
"""
BY_FIELD = """\
function route(request)
  if request.path:match("^/api/") and not request.headers["X-Old"] then return "api" end
  if request.path:match("^/api/") then return "apps" end
  return "web"
end
"""


@pytest.mark.parametrize("route", [SWITCHED, TIMED, BY_FIELD])
def test_nothing_is_called_out_of_reach_that_may_be_reached(route: str) -> None:
    assert found(route) == []


def test_a_key_that_may_differ_by_case_is_advice_and_accuses_nobody() -> None:
    route = """\
function route(request)
  local user = request.path:match("^/users/([^/]+)/")
  if not user then return "web" end
  return "apps", { key = user }
end
"""
    findings = check(loaded(route))
    assert {finding.rule for finding in findings} == {"case_sensitive_key", "percent_encoding"}
    assert {finding.severity for finding in findings} == {Severity.ADVICE}
    assert {finding.line for finding in findings} == {8}
    rest_of_path = route.replace("/users/([^/]+)/", "/users/(.+)$")
    assert found(rest_of_path) == []


ADVICE = "modulo_hash"

RELOADS = 'same_identity { path = "^/sites/([^/]+)/reload$" }\n'
TWO_WAYS = (
    RELOADS
    + """\
function route(request)
  local site = request.path:match("^/sites/([^/]+)/reload$")
  return "apps", { key = site and "site " .. site:lower() or request.host }
end
"""
)


def test_a_declared_identity_is_held_to() -> None:
    assert ("same_identity", 8) in found(TWO_WAYS)
    assert found(TWO_WAYS.replace('"site " .. ', "")) == []
    assert "give both the same pool" in messages(check(loaded(TWO_WAYS)))


def test_the_demo_of_the_split_route_is_found_guilty_and_its_cure_is_not() -> None:
    names = SETTINGS[Scene.SPLIT_ROUTE].site_names
    addresses = {name: f"127.0.0.1:{port}" for port, name in enumerate(names, 9001)}
    source = lua_for(Scene.SPLIT_ROUTE, addresses)
    accused, acquitted = (
        [each for each in check(load_source(text.encode(), "demo.lua")) if each.rule != ADVICE]
        for text in (source, cured(source))
    )
    line = line_of(source, 'return "apps"')
    assert {(each.rule, each.line) for each in accused} == {
        ("case_sensitive_key", line),
        ("same_identity", line),
    }
    assert acquitted == []


def test_every_rule_that_is_found_is_one_that_is_documented() -> None:
    assert {rule for rule, _ in found(TWO_WAYS)} <= RULES.keys()


def test_recorded_requests_are_tried_too() -> None:
    route = """\
function route(request)
  if #request.path == 61 then return "nowhere" end
  return "web"
end
"""
    assert found(route) == []
    base = RouteRequest("GET", "/" + "x" * 60, "", "", "", [], "10.0.0.1", "127.0.0.1:8080")
    recorded = with_host(base, "www.example")
    assert recorded is not None
    (finding,) = check(loaded(route), [recorded])
    assert (finding.rule, finding.line) == ("unknown_pool", 6)


NAMES = st.sampled_from(["host", "raw_host", "raw_host:lower()", 'headers["host"]'])
CUTS = st.sampled_from(
    ["", ':gsub(":%d+$", "")', ':gsub("%.$", "")', ":lower()", ':match("^[^.]+")', ":reverse()"]
)
ENDS = st.sampled_from(
    [
        'return "apps", { key = name }',
        'if name == "api.example.com" then return "api" end return "web"',
        'if name:find("^api") then return "api" end return "web"',
        'return ({ ["api.example.com"] = "api" })[name] or "web"',
        'return #name > 15 and "api" or "web"',
    ]
)
HOSTS = st.sampled_from(["api.example.com", "ironhand.example.com", "localhost", "a.b.example"])


def outcome(router_of: LoadedConfig, raw_host: str) -> object:
    base = RouteRequest("GET", "/", "", "", "", [], "10.0.0.1", "127.0.0.1:8080")
    request = with_host(base, raw_host)
    assert request is not None
    assert router_of.router is not None
    try:
        answer = router_of.router.route(request)
    except RouteFailed:
        return "failed"
    return answer.target, answer.key or request.host


@given(NAMES, st.lists(CUTS, max_size=3), ENDS, HOSTS)
@settings(deadline=None, max_examples=40)
def test_a_clean_route_sends_every_spelling_of_a_host_the_same_way(
    name: str, cuts: list[str], end: str, host: str
) -> None:
    body = f"local name = (request.{name}{''.join(cuts)}) or ''\n  {end}"
    config = loaded(f"function route(request)\n  {body}\nend\n")
    rules = {finding.rule for finding in check(config)}
    if not rules & {"case_sensitive_key", "port_in_key", "trailing_dot", "unreachable_rule"}:
        spellings = (
            host,
            host.upper(),
            host.title(),
            f"{host}:80",
            f"{host}.",
            f"{host.upper()}.:80",
        )
        assert len({outcome(config, spelled) for spelled in spellings}) == 1
