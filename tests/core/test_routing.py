"""The balancer: from an answer of `route` to a backend, with the words that explain it."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.backends import BackendChanges, BackendTable, Pool
from rsp.core.loads import BackendLoads
from rsp.core.policies import POLICIES
from rsp.core.route import FixedRouter, RouteAnswer
from rsp.core.routing import Balancer, RouteDecision, candidates, failed_decision
from tests.core.making import DRAIN, MAINT, backend, busy, never, request, table_of

WEB = table_of(backend("a"), backend("b"), backend("c"), generation=7)


def decide(
    table: BackendTable = WEB, target: str = "web", exclude: tuple[str, ...] = (), **sessions: int
) -> RouteDecision:
    answer = RouteAnswer(target)
    return Balancer().decide(table, answer, request(), busy(**sessions), never, exclude)


def verdicts(decision: RouteDecision) -> dict[str, str]:
    return {row.name: row.verdict for row in candidates(decision)}


def test_a_pool_is_balanced_by_its_policy() -> None:
    decision = decide(a=1, b=2, c=3)
    assert decision.backend is WEB.find("web/a")
    assert decision.pool is WEB.pools["web"]
    assert (decision.status, decision.error, decision.generation) == (0, None, 7)
    assert decision.reason == "pool web by round_robin"
    assert decision.sessions == (1, 2, 3)
    assert verdicts(decision) == {"a": "chosen", "b": "not picked", "c": "not picked"}


def test_the_authors_reason_and_key_are_kept() -> None:
    answer = RouteAnswer("web", "a.test", "host decides")
    decision = Balancer().decide(WEB, answer, request(), BackendLoads(), never)
    assert (decision.key, decision.reason) == ("a.test", "host decides")


def test_without_a_route_function_the_reason_says_so() -> None:
    answer = FixedRouter("web").route(request())
    decision = Balancer().decide(WEB, answer, request(), BackendLoads(), never)
    assert decision.reason == "first pool: no route function"
    assert decision.backend is not None


def test_the_turn_goes_on_from_request_to_request_and_through_edits() -> None:
    balancer, table, found = Balancer(), WEB, []
    for number in range(6):
        decision = balancer.decide(table, RouteAnswer("web"), request(), BackendLoads(), never)
        assert decision.backend is not None
        found.append(decision.backend.name)
        if number == 1:
            table, _ = table.add(backend("d"), 8)
    assert found == ["a", "b", "c", "d", "a", "b"]


def test_each_pool_has_a_turn_of_its_own() -> None:
    pools = [Pool(name, (backend("a", name), backend("b", name))) for name in ("x", "y")]
    table, balancer = BackendTable.of(pools, 1), Balancer()
    found = []
    for target in ("x", "y", "x", "y"):
        decision = balancer.decide(table, RouteAnswer(target), request(), BackendLoads(), never)
        assert decision.backend is not None
        found.append(decision.backend.key)
    assert found == ["x/a", "y/a", "x/b", "y/b"]


def test_another_policy_after_a_reload_is_used_at_once() -> None:
    balancer = Balancer()
    balancer.decide(WEB, RouteAnswer("web"), request(), BackendLoads(), never)
    other = table_of(*WEB.pools["web"].backends, balance="least_connections")
    decision = balancer.decide(other, RouteAnswer("web"), request(), busy(a=1, b=0, c=1), never)
    assert decision.backend is other.find("web/b")


def test_a_copy_decides_alike_and_leaves_no_trace() -> None:
    balancer = Balancer()
    balancer.decide(WEB, RouteAnswer("web"), request(), BackendLoads(), never)
    for one in (balancer.copy(), balancer.copy(), balancer):
        decision = one.decide(WEB, RouteAnswer("web"), request(), BackendLoads(), never)
        assert decision.backend is WEB.find("web/b")


def test_a_backend_without_a_load_counts_as_idle() -> None:
    table = table_of(backend("a"), backend("b"), balance="least_connections")
    loads = dict(busy(a=3))
    decision = Balancer().decide(table, RouteAnswer("web"), request(), loads, never)
    assert decision.backend is table.find("web/b")
    assert decision.sessions == (3, 0)
    assert set(loads) == {"web/a"}


def test_those_who_cannot_take_it_are_passed_over_with_the_reason() -> None:
    table = table_of(
        backend("a", state=DRAIN),
        backend("b", state=MAINT),
        backend("c", max_connections=100),
        backend("d", weight=0),
        backend("e"),
        backend("f"),
        backend("g"),
    )
    decision = decide(table, exclude=("web/e",), c=100)
    assert verdicts(decision) == {
        "a": "draining",
        "b": "in maintenance",
        "c": "full (100 of 100)",
        "d": "weight 0",
        "e": "tried before",
        "f": "chosen",
        "g": "not picked",
    }


def test_a_backend_below_its_limit_is_picked() -> None:
    table = table_of(backend("a", max_connections=2), backend("b", max_connections=2))
    assert decide(table, a=1, b=2).backend is table.find("web/a")
    assert decide(table, a=2, b=1).backend is table.find("web/b")
    assert decide(table, a=5, b=1).backend is table.find("web/b")


def test_when_nobody_is_available_the_sentence_says_why_for_each() -> None:
    table = table_of(
        backend("a", state=DRAIN),
        backend("b", max_connections=2),
        backend("c", weight=0),
        backend("d"),
        backend("e", state=MAINT),
    )
    decision = decide(table, exclude=("web/d",), b=2)
    assert (decision.status, decision.backend) == (503, None)
    assert decision.error == (
        "no backend of pool web is available: a is draining, b is full (2 of 2), "
        "c has weight 0, d was tried before, e is in maintenance"
    )
    assert verdicts(decision)["d"] == "tried before"


def test_an_empty_pool_says_what_to_do() -> None:
    decision = decide(table_of())
    assert decision.status == 503
    assert decision.error == "pool web has no backend; add one with `backend add web`"
    assert candidates(decision) == []


def test_what_was_tried_is_kept_as_it_was() -> None:
    tried = {"web/a"}
    decision = Balancer().decide(WEB, RouteAnswer("web"), request(), busy(), never, tried)
    tried.add("web/b")
    assert decision.excluded == ("web/a",)
    assert verdicts(decision)["b"] == "chosen"


def test_a_later_edit_does_not_falsify_the_record() -> None:
    decision = decide()
    WEB.change("web/a", BackendChanges(state=DRAIN), 8)
    assert verdicts(decision)["a"] == "chosen"


# A backend named directly.


def test_a_named_backend_gets_it() -> None:
    decision = decide(target="web/b", b=4)
    assert decision.backend is WEB.find("web/b")
    assert decision.reason == "backend web/b named by route"
    assert decision.sessions == (0, 4, 0)
    assert verdicts(decision) == {"a": "not picked", "b": "chosen", "c": "not picked"}


def test_a_named_backend_may_have_weight_zero() -> None:
    table = table_of(backend("a", weight=0), backend("b"))
    assert decide(table, "web/a").backend is table.find("web/a")


@pytest.mark.parametrize(
    ("settings", "sessions", "exclude", "error"),
    [
        ({"state": DRAIN}, 0, (), "backend web/a, named by route, is draining"),
        ({"state": MAINT}, 0, (), "backend web/a, named by route, is in maintenance"),
        ({"max_connections": 5}, 5, (), "backend web/a, named by route, is full (5 of 5)"),
        ({}, 0, ("web/a",), "backend web/a, named by route, was tried before"),
    ],
)
def test_a_named_backend_that_cannot_take_it_says_which_and_why(
    settings: dict[str, Any], sessions: int, exclude: tuple[str, ...], error: str
) -> None:
    table = table_of(backend("a", **settings), backend("b"))
    decision = decide(table, "web/a", exclude, a=sessions)
    assert (decision.status, decision.error, decision.backend) == (503, error, None)
    assert verdicts(decision)["b"] == "not picked"


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("wbe", 'route named pool "wbe", which is not there; there is only web'),
        ("", 'route named pool "", which is not there; there is only web'),
        ("wbe/a", 'route named pool "wbe", which is not there; there is only web'),
        ("web/x", 'route named backend "web/x", which is not there; pool web has a, b, c'),
        ("web/", 'route named backend "web/", which is not there; pool web has a, b, c'),
        ("web/a/b", 'route named backend "web/a/b", which is not there; pool web has a, b, c'),
    ],
)
def test_a_name_that_is_not_there_is_a_broken_route(target: str, error: str) -> None:
    decision = decide(target=target)
    assert (decision.status, decision.error, decision.backend) == (502, error, None)
    assert decision.generation == 7


def test_a_route_that_failed_is_a_decision_too() -> None:
    decision = failed_decision("blog.lua:7: attempt to index nil", 3)
    assert (decision.status, decision.generation) == (502, 3)
    assert decision.error == "blog.lua:7: attempt to index nil"
    assert candidates(decision) == []


# Keys.


def test_a_hash_without_a_key_takes_the_host_and_says_so() -> None:
    table = table_of(backend("a"), backend("b"), backend("c"), balance="hash")
    decision = Balancer().decide(table, RouteAnswer("web"), request("A.test"), busy(), never)
    assert decision.key == "a.test"
    assert decide().key is None


def test_a_hash_without_host_takes_the_address_of_the_client() -> None:
    table = table_of(backend("a"), backend("b"), balance="hash_mod")
    asked = request("", client_ip="192.0.2.7")
    decision = Balancer().decide(table, RouteAnswer("web"), asked, busy(), never)
    assert decision.key == "192.0.2.7"


def test_an_empty_key_is_a_key() -> None:
    table = table_of(backend("a"), backend("b"), balance="hash")
    decision = Balancer().decide(table, RouteAnswer("web", ""), request(), busy(), never)
    assert decision.key == ""


@pytest.mark.parametrize("balance", POLICIES)
@given(host=st.from_regex(r"[A-Za-z0-9.-]{1,40}", fullmatch=True), count=st.integers(1, 7))
def test_the_case_of_a_host_does_not_split_the_route(balance: str, host: str, count: int) -> None:
    table = table_of(*(backend(f"b{n}") for n in range(count)), balance=balance)
    found = {
        Balancer()
        .decide(table, RouteAnswer("web"), request(spelling), BackendLoads(), Random(1).random)
        .backend
        for spelling in (host, host.upper(), host.lower(), host.swapcase())
    }
    assert len(found) == 1
    assert None not in found
