"""What a new configuration changes, in sentences."""

from dataclasses import replace

from rsp.core.backends import BackendTable, Pool
from rsp.core.config import Config, ListenerConfig
from rsp.core.differences import differences
from rsp.core.limits import COMPARED_LINES, SHOWN_LINES, Limits
from rsp.core.vocabulary import Mode, ProxyVersion
from tests.core.making import DRAIN, backend

WEB = Pool("web", (backend("a"), backend("b")))
API = Pool("api", (backend("x", pool="api"),))
OLD = Config("rsp.lua", "old text", (ListenerConfig("127.0.0.1:80"),), (WEB, API))


def changed(new: Config, old: Config = OLD) -> list[str]:
    return differences(
        old, BackendTable.of(old.pools, 1), new, BackendTable.of(new.pools, 2)
    )  # fmt: skip


def with_web(pool: Pool) -> Config:
    return replace(OLD, pools=(pool, API))


def test_the_same_file_changes_nothing() -> None:
    assert changed(OLD) == []


def test_a_file_that_differs_only_in_its_text_says_so() -> None:
    old, new = "same\nkey = host\n", "same\n  key = host:lower()\n-- and why\n"
    before = replace(OLD, source=old)
    assert changed(replace(OLD, source=new), before) == [
        "the text of the file changed; listeners, pools and limits are the same",
        "line 2: - key = host",
        "line 2: + key = host:lower()",
        "line 3: + -- and why",
    ]


def test_a_text_that_changed_something_is_not_mentioned_besides() -> None:
    new = replace(OLD, source="new text", limits=Limits(connect_s=1.0))
    assert changed(new) == ["limit connect_s: 3.0 → 1.0"]


def test_listeners_that_come_go_and_change() -> None:
    new = replace(
        OLD,
        listeners=(ListenerConfig("127.0.0.1:80", Mode.TCP, "web"), ListenerConfig("[::1]:80")),
    )
    assert changed(new) == ["added listener [::1]:80", "changed listener 127.0.0.1:80"]
    assert changed(OLD, new) == ["removed listener [::1]:80", "changed listener 127.0.0.1:80"]


def test_listeners_that_say_the_same_are_counted() -> None:
    one = ListenerConfig("127.0.0.1:0")
    before, after = replace(OLD, listeners=(one,)), replace(OLD, listeners=(one, one))
    assert changed(after, before) == ["added listener 127.0.0.1:0"]
    assert changed(before, after) == ["removed listener 127.0.0.1:0"]
    tcp = replace(OLD, listeners=(one, replace(one, mode=Mode.TCP)))
    assert changed(tcp, after) == ["changed listener 127.0.0.1:0"]


def test_pools_that_come_and_go() -> None:
    assert changed(replace(OLD, pools=(WEB,))) == ["removed pool api"]
    assert changed(OLD, replace(OLD, pools=(WEB,))) == ["added pool api (1 backends)"]


def test_backends_that_come_and_go() -> None:
    bigger = with_web(replace(WEB, backends=(*WEB.backends, backend("c", weight=3))))
    assert changed(bigger) == ["added web/c (c.test:80, weight 3)"]
    assert changed(OLD, bigger) == ["removed web/c (c.test:80)"]


def test_every_value_of_a_backend() -> None:
    moved = backend("a", address="a2.test:80", weight=2, state=DRAIN, max_connections=9)
    assert changed(with_web(replace(WEB, backends=(moved, backend("b"))))) == [
        "web/a: address a.test:80 → a2.test:80, weight 1 → 2, state ready → drain, "
        "max_connections 0 → 9"
    ]


def test_how_a_pool_tells_of_the_client() -> None:
    telling = with_web(replace(WEB, send_proxy=ProxyVersion.V2, forwarded=True))
    assert changed(telling) == [
        "pool web: send_proxy off → v2",
        "pool web: forwarded off → on",
    ]


def test_how_a_pool_balances_and_which_host_it_shows() -> None:
    assert changed(with_web(replace(WEB, balance="first", host="backend"))) == [
        "pool web: balance round_robin → first",
        "pool web: host keep → backend",
    ]


def test_what_runs_counts_and_not_what_the_old_file_said() -> None:
    drained = BackendTable.of((replace(WEB, backends=(backend("a", state=DRAIN),)), API), 2)
    after = BackendTable.of((replace(WEB, backends=(backend("a"),)), API), 3)
    assert differences(OLD, drained, OLD, after) == ["web/a: state drain → ready"]


def texts(old: str, new: str) -> list[str]:
    return changed(replace(OLD, source=new), replace(OLD, source=old))[1:]


def test_of_many_changed_lines_the_first_are_named_and_the_others_counted() -> None:
    old = "".join(f"line {number}\n" for number in range(100))
    said = texts(f"{old}end\n", old.replace("line", "row") + "end\n")
    assert said[:1] == ["line 1: - line 0"]
    assert said[SHOWN_LINES:] == [f"and {200 - SHOWN_LINES} more lines"]
    assert texts(old, old + "one more") == ["line 101: + one more"]


def test_a_file_that_is_another_altogether_is_not_compared_line_by_line() -> None:
    old = "".join(f"line {number}\n" for number in range(COMPARED_LINES + 1))
    said = texts(f"first\n{old}last", f"first\n{old.replace('line', 'row')}last")
    assert said == ["lines 2 and following: 501 went, 501 came"]
