"""Who is up, down, ejected or coming back slowly, and what a decision sees of it."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.backends import Backend, BackendChanges, BackendTable, Pool
from rsp.core.ejection import Term, may_eject
from rsp.core.health import HealthBook
from rsp.core.health_checks import Check
from rsp.core.health_rules import RAMPED, Ejection, HealthCheck, statuses
from rsp.core.loads import BackendLoad, BackendLoads
from rsp.core.policies import POLICIES
from rsp.core.route import RouteAnswer
from rsp.core.routing import Balancer, RouteDecision, candidates
from rsp.core.vocabulary import BackendState, Health
from tests.core.making import DRAIN, MAINT, READY, backend, checked, request

GOOD, BAD = "", "refused (ECONNREFUSED)"
EJECT = Ejection(errors=3, statuses=statuses("502-504"), first_s=10.0, most_s=25.0)


def pool_of(
    count: int,
    *,
    health: HealthCheck | None = None,
    eject: Ejection | None = None,
    slow_start_s: float = 0.0,
    balance: str = "round_robin",
    fallback: str = "",
    name: str = "web",
) -> Pool:
    backends = tuple(backend(f"{name}{number}", name) for number in range(1, count + 1))
    return Pool(
        name, backends, balance, health=health, eject=eject,
        slow_start_s=slow_start_s, fallback=fallback,
    )  # fmt: skip


class Ward:
    """A book and its table, with a clock."""

    def __init__(self, *pools: Pool) -> None:
        self.book = HealthBook()
        self.now_s = 100.0
        self.plain = BackendTable.of(pools, 1)
        self.book.adopt(self.plain, self.now_s)

    @property
    def table(self) -> BackendTable:
        return self.book.overlay(self.plain)

    def check(self, name: str, *results: str, pool: str = "web") -> list[Health]:
        """Take over checks; return what the changes were."""
        found = []
        for why in results:
            self.now_s += 1.0
            changes = self.book.note_check(f"{pool}/{name}", Check(self.now_s, 0.0, why))
            found += [change.health for change in changes]
        return found

    def fail(self, name: str, errors: int = 3) -> list[Health]:
        """Let a backend fail so often in a row."""
        changes = self.book.note_errors(f"web/{name}", errors, "status 503", self.now_s)
        return [change.health for change in changes]

    def wait(self, seconds: float) -> list[Health]:
        """Let time pass, and look."""
        self.now_s += seconds
        return [change.health for change in self.book.look(self.now_s)]

    def edit(self, name: str, **values: object) -> None:
        changes = BackendChanges(**values)  # type: ignore[arg-type]
        self.plain, _ = self.plain.change(f"web/{name}", changes, 2)
        self.book.adopt(self.plain, self.now_s)

    def ready(self, pool: str = "web") -> list[str]:
        return [each.name for each in self.table.pools[pool].ready]

    def healths(self) -> list[str]:
        web = self.table.pools["web"]
        return [web.condition(each.name).health.value for each in web.backends]

    def decide(self, target: str = "web") -> RouteDecision:
        return Balancer().decide(
            self.table, RouteAnswer(target), request(), BackendLoads(), lambda: 0.5
        )


# -- checks


def test_nothing_is_known_of_a_pool_that_says_nothing_of_health() -> None:
    ward = Ward(pool_of(2))
    assert not ward.book.charts
    assert ward.table is ward.plain


def test_who_is_unknown_gets_work_and_who_is_down_gets_none() -> None:
    ward = Ward(pool_of(2, health=checked(rise=2, fall=3)))
    assert ward.healths() == ["unknown", "unknown"]
    assert ward.ready() == ["web1", "web2"]
    assert ward.check("web1", GOOD, GOOD) == [Health.UP]
    assert ward.check("web2", BAD, BAD, BAD, BAD) == [Health.DOWN]
    assert ward.ready() == ["web1"]
    assert ward.check("web2", GOOD, GOOD) == [Health.UP]
    assert ward.ready() == ["web1", "web2"]


def test_health_is_over_the_table_and_not_in_it() -> None:
    ward = Ward(pool_of(2, health=checked(fall=1)), pool_of(1, name="api"))
    ward.check("web1", BAD)
    assert ward.plain.pools["web"].ready == ward.plain.pools["web"].backends
    assert ward.table.generation == ward.plain.generation
    assert ward.table.pools["api"] is ward.plain.pools["api"]


def test_a_decision_says_who_is_down_and_why_and_stays_true_later() -> None:
    ward = Ward(pool_of(2, health=checked(rise=1, fall=1)))
    ward.check("web1", BAD)
    decision = ward.decide()
    ward.check("web1", GOOD)
    assert [(row.verdict, row.health) for row in candidates(decision)] == [
        ("down (refused (ECONNREFUSED))", "down"),
        ("chosen", "unknown"),
    ]


def test_all_down_is_a_503_that_says_so() -> None:
    ward = Ward(pool_of(2, health=checked(fall=1)))
    ward.check("web1", BAD)
    ward.check("web2", "status 500")
    decision = ward.decide()
    assert decision.status == 503
    assert decision.error == (
        "no backend of pool web is available: "
        "web1 is down (refused (ECONNREFUSED)), web2 is down (status 500)"
    )


def test_one_that_is_down_is_not_there_for_a_route_that_names_it() -> None:
    ward = Ward(pool_of(2, health=checked(fall=1), fallback="api"), pool_of(1, name="api"))
    ward.check("web1", BAD)
    decision = ward.decide("web/web1")
    assert (decision.status, decision.error) == (
        503,
        "backend web/web1, named by route, is down (refused (ECONNREFUSED))",
    )


def test_another_address_is_another_backend() -> None:
    ward = Ward(pool_of(2, health=checked(fall=1)))
    ward.check("web1", BAD)
    elsewhere = replace(ward.plain.pools["web"], backends=(backend("web1", weight=2),))
    assert ward.book.overlay(BackendTable.of([elsewhere], 2)).pools["web"].ready == ()
    ward.edit("web1", address="other.test:80")
    assert ward.healths() == ["unknown", "unknown"]


def test_an_edit_of_anything_else_leaves_health_alone() -> None:
    ward = Ward(pool_of(2, health=checked(fall=1)))
    ward.check("web1", BAD)
    ward.edit("web1", weight=7)
    ward.edit("web1", state=MAINT)
    ward.edit("web1", state=READY)
    assert ward.healths() == ["down", "unknown"]


# -- fallback


def test_a_fallback_takes_what_nobody_is_available_for_and_says_why() -> None:
    ward = Ward(pool_of(1, health=checked(fall=1), fallback="spare"), pool_of(1, name="spare"))
    assert ward.decide().reason == "pool web by round_robin"
    ward.check("web1", BAD)
    decision = ward.decide()
    assert decision.backend is not None
    assert decision.backend.key == "spare/spare1"
    assert decision.reason == (
        "pool spare by round_robin; no backend of pool web is available: "
        "web1 is down (refused (ECONNREFUSED)), so its fallback has it"
    )


def test_fallbacks_may_have_fallbacks_and_where_all_are_down_that_is_said() -> None:
    rules = checked(fall=1)
    ward = Ward(
        pool_of(1, health=rules, fallback="a"),
        pool_of(1, health=rules, fallback="b", name="a"),
        pool_of(1, health=rules, name="b"),
    )
    ward.check("web1", BAD)
    ward.check("a1", BAD, pool="a")
    decision = ward.decide()
    assert decision.backend is not None
    assert decision.backend.key == "b/b1"
    ward.check("b1", BAD, pool="b")
    decision = ward.decide()
    assert decision.pool is not None
    assert (decision.status, decision.pool.name) == (503, "web")
    assert decision.error is not None
    assert decision.error.count("and as its fallback: no backend of pool") == 2


# -- ejection


def test_so_many_errors_eject_for_a_time_that_grows() -> None:
    ward = Ward(pool_of(4, eject=EJECT))
    assert ward.fail("web1", 2) == []
    for lasts_s in (10.0, 20.0, 25.0, 25.0):
        assert ward.fail("web1") == [Health.EJECTED]
        assert ward.ready() == ["web2", "web3", "web4"]
        assert ward.book.next_look_s() == ward.now_s + lasts_s
        assert ward.wait(lasts_s - 0.1) == []
        assert ward.wait(0.1) == [Health.UNKNOWN]
        assert ward.ready() == ["web1", "web2", "web3", "web4"]
    ward.wait(26.0)
    ward.fail("web1")
    assert ward.book.next_look_s() == ward.now_s + 10.0


def test_a_verdict_says_why_one_is_ejected() -> None:
    ward = Ward(pool_of(2, eject=EJECT))
    ward.fail("web1")
    assert candidates(ward.decide())[0].verdict == (
        "ejected (3 errors in a row, the last one: status 503)"
    )


@pytest.mark.parametrize(("members", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_at_most_half_of_a_pool_is_ejected(members: int, most: int) -> None:
    ward = Ward(pool_of(members, eject=EJECT))
    for number in range(1, members + 1):
        ward.fail(f"web{number}")
    assert ward.healths().count("ejected") == most
    assert may_eject(members, most) is False


def test_an_ejected_one_comes_back_when_others_go_down() -> None:
    ward = Ward(pool_of(4, eject=EJECT, health=checked(rise=1, fall=1)))
    ward.fail("web1")
    assert ward.check("web2", BAD) == [Health.DOWN]
    assert ward.ready() == ["web3", "web4"]
    assert ward.check("web3", BAD) == [Health.DOWN, Health.UNKNOWN]
    assert ward.ready() == ["web1", "web4"]


def test_one_that_goes_down_is_not_ejected_as_well() -> None:
    ward = Ward(pool_of(2, eject=EJECT, health=checked(rise=1, fall=1)))
    ward.fail("web1")
    ward.check("web1", BAD)
    assert ward.healths() == ["down", "unknown"]
    assert ward.book.next_look_s() is None


actions = st.lists(
    st.tuples(
        st.sampled_from(["fail", "good", "bad", "wait", "drain", "ready"]), st.integers(1, 5)
    ),
    max_size=60,
)


@given(st.integers(1, 5), actions)
def test_whatever_happens_ejection_leaves_half_of_a_pool(
    count: int, done: list[tuple[str, int]]
) -> None:
    ward = Ward(pool_of(count, eject=EJECT, health=checked(rise=2, fall=2), slow_start_s=5.0))
    for action, number in done:
        name = f"web{min(number, count)}"
        if action == "fail":
            ward.fail(name)
        elif action == "wait":
            ward.wait(number * 2.0)
        elif action in ("drain", "ready"):
            ward.edit(name, state=BackendState(action))
        else:
            ward.check(name, GOOD if action == "good" else BAD)
        web = ward.table.pools["web"]
        members = [each for each in web.backends if each.state is READY]
        healths = [web.condition(each.name).health for each in members]
        out = healths.count(Health.EJECTED) + healths.count(Health.DOWN)
        assert not healths.count(Health.EJECTED) or out <= len(members) // 2
        # A table that is made anew says the same.
        assert {each.name for each in web.ready} == {
            each.name for each in members if not web.condition(each.name).is_out
        }


# -- slow start


def shares(ward: Ward, picks: int) -> Counter[str]:
    """Return who gets how many of so many requests, one after the other."""
    balancer, loads, found = Balancer(), BackendLoads(), Counter[str]()
    table = ward.table
    for _ in range(picks):
        decision = balancer.decide(table, RouteAnswer("web"), request(), loads, lambda: 0.5)
        assert decision.backend is not None
        found[decision.backend.name] += 1
    return found


def test_the_weight_of_one_that_comes_up_grows() -> None:
    ward = Ward(pool_of(2, health=checked(rise=1, fall=1), slow_start_s=20.0))
    ward.check("web1", GOOD)
    ward.check("web2", GOOD)
    assert shares(ward, 20) == {"web1": 10, "web2": 10}
    ward.check("web2", BAD, GOOD)
    assert shares(ward, 110) == {"web1": 100, "web2": 10}
    ward.wait(10.0)
    assert candidates(ward.decide())[1].ramp == 0.5
    assert shares(ward, 150) == {"web1": 100, "web2": 50}
    ward.wait(10.0)
    assert shares(ward, 20) == {"web1": 10, "web2": 10}
    assert ward.book.next_look_s() is None


@pytest.mark.parametrize("came", ["ejected", "drain", "maint", "weight 0", "added"])
def test_whoever_comes_back_or_is_new_starts_slowly(came: str) -> None:
    ward = Ward(pool_of(2, eject=EJECT, slow_start_s=20.0))
    if came == "ejected":
        ward.fail("web2")
        ward.wait(10.0)
    elif came == "added":
        ward.plain, _ = ward.plain.add(backend("web3"), 2)
        ward.book.adopt(ward.plain, ward.now_s)
    elif came == "weight 0":
        ward.edit("web2", weight=0)
        ward.edit("web2", weight=1)
    else:
        ward.edit("web2", state=DRAIN if came == "drain" else MAINT)
        ward.edit("web2", state=READY)
    weights = [each.weight for each in ward.table.pools["web"].ready]
    assert weights == ([10, 10, 1] if came == "added" else [10, 1])


def test_looking_often_brings_a_weight_to_its_end_in_steps() -> None:
    ward = Ward(pool_of(2, health=checked(rise=1, fall=1), slow_start_s=7.0))
    ward.check("web2", BAD, GOOD)
    began_s, looks = ward.now_s, 0
    while (next_s := ward.book.next_look_s()) is not None:
        assert next_s > ward.now_s - 0.001
        ward.wait(max(next_s - ward.now_s, 0.001))
        looks += 1
    assert looks <= 20
    assert ward.now_s - began_s == pytest.approx(7.0, abs=0.02)


@pytest.mark.parametrize("balance", sorted(POLICIES))
def test_slow_start_is_only_for_policies_that_it_cannot_harm(balance: str) -> None:
    ward = Ward(pool_of(2, health=checked(rise=1, fall=1), slow_start_s=9.0, balance=balance))
    ward.check("web2", BAD, GOOD)
    weights = [each.weight for each in ward.table.pools["web"].ready]
    assert weights == ([10, 1] if balance in RAMPED else [1, 1])
    assert not (POLICIES[balance]().uses_key and balance in RAMPED)


def test_another_policy_may_end_a_slow_start() -> None:
    ward = Ward(pool_of(2, health=checked(rise=1, fall=1), slow_start_s=9.0))
    ward.check("web2", BAD, GOOD)
    web = replace(ward.plain.pools["web"], balance="hash")
    ward.plain = BackendTable.of([web], 2)
    ward.book.adopt(ward.plain, ward.now_s)
    assert [row.ramp for row in candidates(ward.decide())] == [1.0, 1.0]
    assert ward.book.next_look_s() is None


@pytest.mark.parametrize("balance", ["least_connections", "random_two"])
def test_a_slow_start_is_weighed_by_load(balance: str) -> None:
    ward = Ward(pool_of(2, health=checked(rise=1, fall=1), slow_start_s=9.0, balance=balance))
    ward.check("web2", BAD, GOOD)
    loads = BackendLoads({"web/web1": BackendLoad(9), "web/web2": BackendLoad(1)})
    decision = Balancer().decide(ward.table, RouteAnswer("web"), request(), loads, lambda: 0.0)
    assert decision.backend is not None
    assert decision.backend.name == "web1"


def test_a_decision_gives_the_backend_that_a_session_knows_again() -> None:
    ward = Ward(pool_of(1, slow_start_s=9.0))
    chosen = ward.decide().backend
    assert isinstance(chosen, Backend)
    assert chosen.key == "web/web1"
    assert candidates(ward.decide())[0].weight == 1


def test_a_backend_that_is_out_for_ever_comes_back_for_a_try_for_ever() -> None:
    term = Term()
    for number in range(5_000):
        term.begin(EJECT, 3, "refused", float(number))
        term.end(float(number))
    assert (term.times, term.length_s) == (5_000, EJECT.most_s)
