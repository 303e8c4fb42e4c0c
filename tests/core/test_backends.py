"""The backend table: every edit makes a new one, and every refusal names what exists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.addresses import AddressError, EditRefused, parse_address
from rsp.core.backends import Backend, BackendChanges, BackendTable, Pool, StickyRules
from rsp.core.loads import BackendLoad, BackendLoads
from tests.core.making import DRAIN, MAINT, backend, table_of

WEB = table_of(backend("web1"), backend("web2"))


def test_a_backend_knows_its_name_outside_its_pool() -> None:
    assert Backend("web", "web1", "127.0.0.1:1").key == "web/web1"


def test_a_pool_knows_who_may_be_picked() -> None:
    pool = Pool(
        "web",
        (
            backend("a"),
            backend("b", state=DRAIN),
            backend("c", state=MAINT),
            backend("d", weight=0),
        ),
    )
    assert [b.name for b in pool.ready] == ["a"]
    assert pool.keys == ("web/a", "web/b", "web/c", "web/d")
    assert pool.by_name["d"].weight == 0


def test_a_pool_is_plain_when_nobody_sticks_or_can_be_full() -> None:
    limited = backend("b", max_connections=3)
    assert not Pool("web", (backend("a"), limited)).is_plain
    assert Pool("web", (backend("a"), backend("b", max_connections=3, state=DRAIN))).is_plain
    assert not Pool("web", (backend("a"),), sticky=StickyRules()).is_plain


def test_adding_makes_a_new_table_and_leaves_the_old_one() -> None:
    after, sentence = WEB.add(backend("web3", weight=2), 7)
    assert [b.name for b in after.pools["web"].backends] == ["web1", "web2", "web3"]
    assert after.generation == 7
    assert sentence == "added web/web3 (web3.test:80, weight 2)"
    assert [b.name for b in WEB.pools["web"].backends] == ["web1", "web2"]


def test_the_sentence_of_an_added_backend_says_what_is_not_usual() -> None:
    _, sentence = WEB.add(backend("web3", max_connections=9, state=DRAIN), 2)
    assert sentence == "added web/web3 (web3.test:80, weight 1, at most 9 connections, drain)"


def test_pools_keep_the_order_of_the_file_through_edits() -> None:
    table = BackendTable.of([Pool("z", (backend("a", "z"),)), Pool("b", ()), Pool("a", ())], 1)
    table, _ = table.add(backend("x", "b"), 2)
    assert list(table.pools) == ["z", "b", "a"]


def test_changing_keeps_the_place_of_the_backend_and_says_each_change() -> None:
    changes = BackendChanges(weight=5, state=DRAIN, max_connections=10)
    after, sentence = WEB.change("web/web1", changes, 2)
    assert sentence == "web/web1: weight 1 → 5, state ready → drain, max_connections 0 → 10"
    assert [b.name for b in after.pools["web"].backends] == ["web1", "web2"]
    assert after.find("web/web1").state is DRAIN
    assert WEB.find("web/web1").weight == 1


def test_a_new_address_forgets_what_the_old_one_resolved_to() -> None:
    old = Backend("web", "web1", "a.test:80", resolved=("192.0.2.1", 80))
    table = table_of(old)
    moved, _ = table.change("web/web1", BackendChanges(address="b.test:80"), 2)
    assert moved.find("web/web1").resolved is None
    given = BackendChanges(address="b.test:80", resolved=("192.0.2.2", 80))
    moved, sentence = table.change("web/web1", given, 2)
    assert moved.find("web/web1").resolved == ("192.0.2.2", 80)
    assert sentence == "web/web1: address a.test:80 → b.test:80"
    weighted, _ = table.change("web/web1", BackendChanges(weight=2), 2)
    assert weighted.find("web/web1").resolved == ("192.0.2.1", 80)


def test_an_address_can_be_resolved_again_without_being_changed() -> None:
    table = table_of(Backend("web", "web1", "a.test:80", resolved=("192.0.2.1", 80)))
    changes = BackendChanges(address="a.test:80", resolved=("192.0.2.9", 80))
    after, sentence = table.change("web/web1", changes, 2)
    assert after.find("web/web1").resolved == ("192.0.2.9", 80)
    assert sentence == "web/web1: address a.test:80 resolved again"


def test_a_change_to_what_already_is_gives_the_same_table() -> None:
    after, sentence = WEB.change("web/web1", BackendChanges(weight=1), 2)
    assert after is WEB
    assert sentence == "web/web1 already has weight 1"


def test_removing_says_when_the_pool_is_empty_now() -> None:
    after, sentence = WEB.remove("web/web1", 2)
    assert sentence == "removed web/web1 (web1.test:80)"
    after, sentence = after.remove("web/web2", 3)
    assert sentence == "removed web/web2 (web2.test:80); pool web is empty now"
    assert after.pools["web"].backends == ()
    assert after.generation == 3


def test_a_removed_name_can_be_added_again() -> None:
    after, _ = WEB.remove("web/web1", 2)
    after, _ = after.add(backend("web1"), 3)
    assert [b.name for b in after.pools["web"].backends] == ["web2", "web1"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda: WEB.find("web/web9"), "no backend web/web9; pool web has web1, web2"),
        (lambda: WEB.find("api/x"), "no pool api; there is only web"),
        (lambda: WEB.find("web1"), '"web1" names no backend: write POOL/NAME, such as web/web1'),
        (lambda: WEB.remove("web/", 2), "no backend web/; pool web has web1, web2"),
        (
            lambda: table_of().change("web/a", BackendChanges(weight=1), 2),
            "no backend web/a; pool web is empty",
        ),
        (lambda: BackendTable({}, 1).find("web/a"), "no pool web; there is no pool at all"),
        (
            lambda: BackendTable.of([Pool("a", ()), Pool("b", ())], 1).find("c/d"),
            "no pool c; there are a, b",
        ),
        (
            lambda: WEB.add(backend("web1"), 2),
            "backend web/web1 is already there (web1.test:80); "
            "change it with `backend set`, or choose another name",
        ),
        (
            lambda: WEB.add(Backend("web", "a b", "c:1"), 2),
            '"a b" cannot name a backend: use letters, digits, "_", "." and "-", 255 at most',
        ),
        (
            lambda: WEB.add(Backend("web", "x\n", "c:1"), 2),
            '"x\n" cannot name a backend: use letters, digits, "_", "." and "-", 255 at most',
        ),
        (
            lambda: WEB.add(Backend("web", "x" * 60_000, "c:1"), 2),
            f'"{"x" * 255}" cannot name a backend: '
            'use letters, digits, "_", "." and "-", 255 at most',
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(weight=257), 2),
            "weight 257 of web/web1 is out of range: 0 to 256",
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(weight=-1), 2),
            "weight -1 of web/web1 is out of range: 0 to 256",
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(max_connections=-1), 2),
            "max_connections -1 of web/web1 is out of range: 0 (any number) to 1,000,000,000",
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(max_connections=2**64), 2),
            "max_connections 18446744073709551616 of web/web1 is out of range: "
            "0 (any number) to 1,000,000,000",
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(weight=10**4299), 2),
            f"weight 1{39 * '0'}… of web/web1 is out of range: 0 to 256",
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(), 2),
            "nothing to change at web/web1: give a weight, a state, an address "
            "or a number of connections",
        ),
        (
            lambda: WEB.change("web/web1", BackendChanges(address="nowhere"), 2),
            '"nowhere": the port is missing; write nowhere:80',
        ),
    ],
)
def test_a_refusal_names_what_exists_instead(edit: object, message: str) -> None:
    assert callable(edit)
    with pytest.raises(EditRefused) as caught:
        edit()
    assert str(caught.value) == message


@pytest.mark.parametrize("weight", [0, 1, 256])
def test_the_ends_of_the_range_of_weights_are_allowed(weight: int) -> None:
    after, _ = WEB.add(backend("c", weight=weight), 2)
    assert after.find("web/c").weight == weight


def test_loads_make_themselves() -> None:
    loads = BackendLoads()
    loads["web/a"].sessions += 1
    assert loads["web/a"].sessions == 1
    assert loads.get("web/b") is None


def test_a_name_that_comes_back_has_its_load_again_at_its_own_address_alone() -> None:
    loads = BackendLoads()
    first = loads["web/web1"]
    without, _ = WEB.remove("web/web1", 2)
    loads.follow(WEB, without)
    assert list(loads.values()) == [first], "what it has done stays in the sums"
    loads["web/web1"].failures += 1
    elsewhere, _ = without.add(backend("web1", address="127.0.0.1:7"), 3)
    loads.follow(without, elsewhere)
    second = loads["web/web1"]
    assert second == BackendLoad()
    loads.follow(elsewhere, without)
    loads.follow(without, WEB)
    assert loads["web/web1"] is first
    moved, _ = WEB.change("web/web1", BackendChanges(address="127.0.0.1:7"), 4)
    loads.follow(WEB, moved)
    assert loads["web/web1"] is first, "who only moves is the same one"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9001", ("127.0.0.1", 9001)),
        ("[::1]:9001", ("::1", 9001)),
        ("app.internal:80", ("app.internal", 80)),
        ("app.internal.:80", ("app.internal.", 80)),
        ("my_app-1:65535", ("my_app-1", 65535)),
        ("a:00080", ("a", 80)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "the address is empty; write host:port, such as 127.0.0.1:9001"),
        ("https://a.test", 'mode = "tcp"'),
        ("HTTPS://a.test:443/", 'mode = "tcp"'),
        ("http://a.test:80", 'without "http://"'),
        ("/run/app.sock", "write the path of a unix socket as unix:/run/app.sock"),
        ("unix:", "write the whole path, such as unix:/run/app.sock"),
        ("unix:app.sock", "write the whole path"),
        ("unix:@abstract", "write the whole path"),
        ("unix:/run/", "that is no path of a socket"),
        ("unix:/run/a\0b", "that is no path of a socket"),
        ("unix:/run/caf\xe9", "use printable ASCII"),
        ("unix:/" + "x" * 107, "the path has 108 bytes, and a unix socket's may have 107"),
        ("a.test:80/path", "an address has no path"),
        ("a.test", "the port is missing; write a.test:80"),
        ("::1:80", "write an IPv6 address in brackets, such as [::1]:9001"),
        ("::1", "write an IPv6 address in brackets"),
        (":80", "the host is missing; 0.0.0.0 is every address"),
        ("[::1", "the closing bracket is missing"),
        ("[::1]", "the port is missing; write [::1]:80"),
        ("[::1]80", "the port is missing"),
        ("[::g]:80", '"::g" is not an IPv6 address'),
        ("[]:80", "is not an IPv6 address"),
        ("[fe80::1%eth0]:80", 'an address with a zone ("%" and an interface) is not supported'),
        ("[::1%\r\nX-Evil: 1\r\n]:80", "an address with a zone"),
        ("[::1%]:80", "an address with a zone"),
        ("300.1.1.1:80", '"300.1.1.1" is not an IPv4 address'),
        ("1.2.3:80", '"1.2.3" is not an IPv4 address'),
        ("127.0.0.1:", '"" is no port; a port is 1 to 65535'),
        ("a.test:+80", '"+80" is no port'),
        ("a.test: 80", '" 80" is no port'),
        ("a.test:8_0", '"8_0" is no port'),
        ("a.test:٨٠", "is no port"),
        ("a.test:65536", '"65536" is no port'),
        ("a.test:999999999", "is no port"),
        ("a.test:0", "nothing can be reached at port 0"),
        ("a b:80", '"a b" is not a host name'),
        ("a..b:80", '"a..b" is not a host name'),
        ("-a.test:80", '"-a.test" is not a host name'),
        ("a\n:80", "is not a host name"),
        (f"{'a' * 64}.test:80", "is not a host name"),
        (f"{'a.' * 127}b:80", "is not a host name"),
        ("bücher.test:80", "ASCII form (xn--…)"),
    ],
)
def test_another_text_is_refused_with_what_would_be_right(text: str, part: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert part in str(caught.value)


def test_the_address_of_a_unix_socket_is_its_path() -> None:
    longest = "/" + "x" * 106
    assert parse_address("unix:/run/app.sock") == ("/run/app.sock", 0)
    assert parse_address(f"unix:{longest}") == (longest, 0)
    assert parse_address("unix:/run/a b:80") == ("/run/a b:80", 0)


def test_a_listener_may_leave_the_port_to_the_kernel() -> None:
    assert parse_address("127.0.0.1:0", port_zero=True) == ("127.0.0.1", 0)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_an_address(text: str) -> None:
    try:
        host, port = parse_address(text)
    except AddressError as error:
        message = str(error)
    else:
        assert 1 <= port <= 65535 or (port == 0 and host.startswith("/"))
        message = host
    assert 1 <= len(message) < 600
