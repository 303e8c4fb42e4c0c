"""A call of `route` line by line: loops, functions, errors, budgets, secrets and bounds."""

import pytest

from rsp.core.explaining import changed_locals
from rsp.core.lua_limits import TRACE_BYTES, TRACE_STEPS
from rsp.core.redact import Redactor, secrets_of
from rsp.core.route import RouteRequest
from rsp.engine.tracing import Traced, trace

HEAD = """listen { address = "127.0.0.1:8080" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
"""


def traced(body: str, before: str = "", *fields: tuple[bytes, bytes], query: str = "") -> Traced:
    """Trace a route whose first line is line 10."""
    padding = "\n" * (7 - before.count("\n"))
    source = f"{HEAD}{before}{padding}function route(request)\n{body}\nend"
    request = RouteRequest(
        "GET", "/user/fred", query, "a.test", "A.test", list(fields), "192.0.2.7", ""
    )
    return trace(source.encode(), "site.lua", request)


def lines(found: Traced) -> list[int]:
    return [step.line for step in found.steps]


def test_each_line_has_the_locals_that_it_left() -> None:
    found = traced('local user = request.path:match("^/user/(.+)$")\nlocal n = 1\nreturn "web"')
    assert lines(found) == [11, 12, 13]
    assert changed_locals(found.steps) == [
        {"request": "the request", "user": '"fred"'},
        {"n": "1"},
        {},
    ]
    assert found.steps[0].source == 'local user = request.path:match("^/user/(.+)$")'
    assert (found.answer and found.answer.target, found.error, found.note) == ("web", None, "")


def test_a_loop_shows_each_of_its_rounds() -> None:
    found = traced('local n = 0\nfor i = 1, 2 do\nn = n + i\nend\nreturn "web"')
    assert lines(found) == [11, 12, 13, 12, 13, 12, 15]
    sums = [step.locals["n"] for step in found.steps if step.line == 13]
    assert sums == ["1", "3"]


def test_a_call_is_deeper_and_the_line_that_made_it_goes_on() -> None:
    before = "local function fold(name)\nlocal low = name:lower()\nreturn low\nend\n"
    found = traced('local key = fold("A")\nreturn "web", { key = key }', before)
    assert [(step.line, step.depth) for step in found.steps] == [(11, 0), (4, 1), (5, 1), (12, 0)]
    assert found.steps[0].locals["key"] == '"a"'
    assert found.steps[1].locals == {"low": '"a"', "name": '"A"'}


def test_an_error_ends_the_trace_at_its_line() -> None:
    found = traced('local a = 1\nerror("no way")\nreturn "web"')
    assert lines(found) == [11, 12]
    assert found.answer is None
    assert found.error == "site.lua:12: no way"


def test_what_a_protected_call_caught_is_left_behind() -> None:
    found = traced('local ok = pcall(function()\nerror("x")\nend)\nreturn "web"')
    assert (12, 1) in [(step.line, step.depth) for step in found.steps]
    assert (found.steps[-1].line, found.steps[-1].depth) == (14, 0)
    assert found.steps[-1].locals["ok"] == "false"


def test_coroutines_have_their_own_lines() -> None:
    found = traced(
        "local co = coroutine.wrap(function(a)\nlocal b = a + 1\ncoroutine.yield(b)\nend)\n"
        'local z = co(4)\nreturn "web"'
    )
    assert {11, 12, 13, 15, 16} <= set(lines(found))
    assert found.steps[-1].locals["z"] == "5"


def test_a_budget_that_is_spent_stops_the_call_and_the_trace_is_bounded() -> None:
    found = traced("local n = 0\nwhile true do\nn = n + 1\nend")
    assert found.answer is None
    assert "Lua instructions" in (found.error or "")
    assert len(found.steps) == TRACE_STEPS
    assert "more lines ran" in found.note


def test_long_values_are_cut_and_all_of_them_together_are_bounded() -> None:
    found = traced(
        'local big = ("x"):rep(1000)\nfor i = 1, 400 do\nlocal again = big .. i\nend\nreturn "web"'
    )
    assert found.steps[0].locals["big"] == '"' + "x" * 120 + '"…'
    size = sum(len(value) for step in found.steps for value in step.locals.values())
    assert size < TRACE_BYTES * 1.1
    assert "values are left out" in found.note


def test_tables_are_shown_without_asking_them() -> None:
    found = traced(
        "local t = setmetatable({ b = 2, a = 'x', 7 }, { __tostring = function() error('asked') end"
        ", __index = function() error('asked') end })\nreturn 'web'"
    )
    assert found.steps[0].locals["t"] == '{[1] = 7, a = "x", b = 2}'


def test_secrets_are_hidden_from_who_looks_whole_or_in_part() -> None:
    fields = ((b"Authorization", b"Bearer abcdefghijklmnop"),)
    found = traced(
        'local all = request.headers["authorization"]\nlocal part = all:sub(8, 18)\n'
        'local q = request.query\nlocal long = ("y"):rep(110) .. all\nreturn "web", { key = part }',
        "",
        *fields,
        query="token=verysecretthing",
    )
    secrets = secrets_of("token=verysecretthing", fields)
    redactor = Redactor(b"x" * 16)
    shown = " ".join(
        value for step in found.shown(redactor, secrets) for value in step.locals.values()
    )
    returned = found.returned(redactor, secrets)
    assert returned is not None
    for secret in ("abcdefgh", "verysecret"):
        assert secret not in shown
        assert secret not in (returned.key or "")
    assert any("abcdefgh" in value for step in found.steps for value in step.locals.values())


@pytest.mark.parametrize("source", ["", HEAD])
def test_without_a_route_there_is_nothing_to_trace(source: str) -> None:
    found = trace(source.encode(), "site.lua", RouteRequest("GET", "/", "", "a", "a", [], "", ""))
    assert found.steps == []
    assert found.answer is None


def test_the_live_runtime_has_no_hook_for_lines() -> None:
    """A trace of one call leaves no trace in another runtime: nothing is shared."""
    assert traced('return "web"').steps
    from rsp.engine.lua_sandbox import Sandbox

    with pytest.raises(AssertionError, match="not made to be traced"):
        Sandbox().trace(lambda: None)
