"""To which backend a client comes back, by its cookie or by its address."""

import pytest

from rsp.core.audit import keyless_pools
from rsp.core.backends import Backend, BackendTable, Pool, QueueRules, StickyRules
from rsp.core.limits import STICKY_CLIENT_IDLE_S, STICKY_CLIENTS
from rsp.core.loads import BackendLoads
from rsp.core.replies import Backends, PoolRow
from rsp.core.route import RouteAnswer
from rsp.core.routing import Balancer, RouteDecision
from rsp.core.sticky import StickyClients, cookie_value
from rsp.core.vocabulary import BackendState
from rsp.core.what_if import Tally
from tests.core.making import DRAIN, MAINT, backend, busy, never, request

BY_COOKIE, BY_CLIENT = StickyRules("srv"), StickyRules()


def table(
    *backends: Backend, rules: StickyRules = BY_COOKIE, queue: QueueRules | None = None
) -> BackendTable:
    return BackendTable.of([Pool("web", backends, sticky=rules, queue=queue)], 1)


WEB = table(backend("a"), backend("b"), backend("c"))


def decide(
    of: BackendTable = WEB,
    cookie: str = "",
    *,
    client_ip: str = "192.0.2.1",
    balancer: Balancer | None = None,
    exclude: tuple[str, ...] = (),
    loads: BackendLoads | None = None,
) -> RouteDecision:
    asked = request(client_ip=client_ip)
    if cookie:
        asked.fields = [(b"cookie", f"srv={cookie}".encode())]
    answer = RouteAnswer("web")
    return (balancer or Balancer()).decide(of, answer, asked, loads or busy(), never, exclude)


def picked(decision: RouteDecision) -> str:
    assert decision.backend is not None
    return decision.backend.name


def test_a_value_is_the_same_in_every_engine_and_names_nobody() -> None:
    assert cookie_value("web/web1") == "43076edd1a48cfc9"
    assert len({cookie_value(f"web/{name}") for name in "abc"}) == 3


def test_who_has_no_cookie_is_given_one() -> None:
    decision = decide()
    assert (decision.sets_cookie, decision.is_sticky) == (True, False)
    assert decision.reason == "pool web by round_robin"


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_who_has_one_comes_back(name: str) -> None:
    decision = decide(cookie=cookie_value(f"web/{name}"))
    assert picked(decision) == name
    assert (decision.sets_cookie, decision.is_sticky) == (False, True)
    assert decision.reason == f"sticky by cookie srv: web/{name}"


@pytest.mark.parametrize("forged", ["a", "web/a", "00", cookie_value("api/a"), "x" * 4000])
def test_what_was_never_ours_is_replaced(forged: str) -> None:
    decision = decide(cookie=forged)
    assert (decision.sets_cookie, decision.is_sticky) == (True, False)


def test_the_first_value_that_means_one_counts() -> None:
    both = f"nonsense; srv={cookie_value('web/c')}; srv={cookie_value('web/b')}"
    assert picked(decide(cookie=both)) == "c"


def test_the_authors_reason_stays() -> None:
    asked = request()
    asked.fields = [(b"Cookie", f"srv={cookie_value('web/b')}".encode())]
    decision = Balancer().decide(WEB, RouteAnswer("web", None, "all"), asked, busy(), never)
    assert decision.reason == "all; sticky by cookie srv: web/b"


@pytest.mark.parametrize(
    ("settings", "stays"),
    [({"state": DRAIN}, True), ({"weight": 0}, True), ({"state": MAINT}, False)],
)
def test_one_that_drains_keeps_those_it_has(settings: dict[str, object], stays: bool) -> None:
    of = table(backend("a"), backend("b", **settings))  # type: ignore[arg-type]
    decision = decide(of, cookie_value("web/b"))
    assert (picked(decision), decision.is_sticky) == (("b", True) if stays else ("a", False))
    assert decision.sets_cookie is not stays


def test_one_that_failed_or_is_gone_is_replaced() -> None:
    decision = decide(cookie=cookie_value("web/b"), exclude=("web/b",))
    assert picked(decision) != "b"
    assert decision.sets_cookie
    decision = decide(table(backend("a")), cookie_value("web/b"))
    assert (picked(decision), decision.sets_cookie) == ("a", True)


def test_a_full_one_is_replaced_or_waited_for_where_there_is_a_queue() -> None:
    both = (backend("a"), backend("b", max_connections=1))
    decision = decide(table(*both), cookie_value("web/b"), loads=busy(b=1))
    assert (picked(decision), decision.sets_cookie) == ("a", True)
    of = table(*both, queue=QueueRules())
    decision = decide(of, cookie_value("web/b"), loads=busy(b=1))
    assert (decision.backend, decision.is_sticky) == (None, True)
    assert [each.name for each in decision.full] == ["b"]
    assert decision.error == "sticky by cookie srv: web/b, which is full"


def test_a_client_comes_back_by_its_address_whatever_becomes_of_the_pool() -> None:
    balancer = Balancer()
    of = table(backend("a"), backend("b"), rules=BY_CLIENT)
    clients = [f"192.0.2.{number}" for number in range(10)]
    before = {ip: picked(decide(of, client_ip=ip, balancer=balancer)) for ip in clients}
    assert set(before.values()) == {"a", "b"}
    more, _ = of.add(backend("c"), 2)
    again = {ip: decide(more, client_ip=ip, balancer=balancer) for ip in clients}
    assert {ip: picked(each) for ip, each in again.items()} == before
    assert again[clients[0]].reason == f"sticky by client {clients[0]}: web/{before[clients[0]]}"
    assert not any(each.sets_cookie for each in again.values())


def test_a_client_whose_backend_is_gone_has_another_from_then_on() -> None:
    balancer = Balancer()
    of = table(backend("a"), backend("b"), rules=BY_CLIENT)
    assert picked(decide(of, balancer=balancer)) == "a"
    without_a, _ = of.remove("web/a", 2)
    assert picked(decide(without_a, balancer=balancer)) == "b"
    assert picked(decide(of, balancer=balancer)) == "b"


def test_clients_of_a_unix_socket_do_not_stick() -> None:
    balancer = Balancer()
    of = table(backend("a"), backend("b"), rules=BY_CLIENT)
    found = [picked(decide(of, client_ip="unix", balancer=balancer)) for _ in range(4)]
    assert found == ["a", "b", "a", "b"]


def test_a_try_leaves_no_trace() -> None:
    balancer = Balancer()
    of = table(backend("a"), backend("b"), rules=BY_CLIENT)
    assert picked(decide(of, balancer=balancer)) == "a"
    tried = balancer.copy()
    assert picked(decide(of, balancer=tried)) == "a"
    assert picked(decide(of, client_ip="192.0.2.2", balancer=tried)) == "b"
    assert not decide(of, client_ip="192.0.2.2", balancer=balancer).is_sticky


def test_the_table_is_bounded_and_forgets_who_has_not_come_for_longest() -> None:
    clients = StickyClients(0.0)
    for number in range(STICKY_CLIENTS):
        clients.note(str(number), "a")
    clients.note("0", "b")
    clients.note("new", "a")
    assert len(clients) == STICKY_CLIENTS
    assert (clients.find("0"), clients.find("1"), clients.find("2")) == ("b", None, "a")


def test_who_does_not_come_back_is_forgotten_in_time() -> None:
    clients = StickyClients(100.0)
    clients.note("old", "a")
    clients.tick(100.0 + STICKY_CLIENT_IDLE_S)
    clients.note("young", "a")
    assert (clients.find("old"), len(clients)) == ("a", 2)
    clients.tick(101.0 + STICKY_CLIENT_IDLE_S)
    assert (clients.find("old"), clients.find("young")) == (None, "a")


def test_a_preview_goes_by_cookies_and_guesses_nothing_of_addresses() -> None:
    asked = decide(cookie=cookie_value("web/b"))
    assert Tally(WEB).place(asked) == "web/b"
    assert Tally(WEB).place(decide()) == "web"
    balancer, of = Balancer(), table(backend("a"), backend("b"), rules=BY_CLIENT)
    places = {Tally(of).place(decide(of, balancer=balancer)) for _ in range(2)}
    assert places == {"web"}


def test_where_clients_stick_no_key_is_split() -> None:
    by_key = PoolRow("web", "hash", [])
    sticky = PoolRow("api", "hash", [], sticky="cookie srv")
    assert keyless_pools(Backends(1, [by_key, sticky])) == {"api"}


def test_a_state_is_one_or_the_other() -> None:
    """Whoever adds a state has to say whether its own clients still come to it."""
    assert set(BackendState) == {BackendState.READY, DRAIN, MAINT}
