"""What the Backends screen computes: shares, rates, what may be typed and what it would change."""

import msgspec
import pytest

from rsp.core.backends import WEIGHT_MAX
from rsp.core.trouble import TroubleRow
from rsp.tui.model.backend_columns import as_lua, in_full, pool_in_full, pool_title
from rsp.tui.model.backend_edit import (
    add_params,
    add_problem,
    field_problem,
    sentence,
    set_params,
    share_sentence,
    table_of,
)
from rsp.tui.model.backends import BackendLine, BackendList, PoolLine
from rsp.tui.model.shares import shares
from rsp.tui.model.spans import plain, width_of
from tests.tui import canned_routes
from tests.tui.canned_routes import backend

PID = 4121
NEW = {
    "pool": "web",
    "name": "web5",
    "address": "127.0.0.1:9005",
    "weight": "2",
    "max_connections": "0",
}


def filled(*steps: int) -> BackendList:
    found = BackendList()
    for step in steps or (0,):
        found.apply(canned_routes.pools(step), 1000.0 + step, PID)
    return found


def line_of(found: BackendList, key: str) -> BackendLine:
    (line,) = [line for line in found.lines() if line.key == key]
    assert isinstance(line, BackendLine)
    return line


def test_a_pool_with_a_queue_says_who_waits() -> None:
    pool = canned_routes.queueing().pools[0]
    assert plain(pool_title(PoolLine(pool)) or ()) == (
        ">>> pool web  first  1 of 1 READY  sticky by cookie srv  queue 7 of 100"
    )
    assert [plain(line) for line in pool_in_full(pool)] == [
        "7 of 100 wait for a place, each for 5 s at most",
        "1,200 ever waited, 31 of them too long; 4 found the queue full",
    ]


def test_a_pool_without_a_queue_says_so() -> None:
    (said,) = pool_in_full(canned_routes.pools().pools[0])
    assert plain(said) == "No queue: a request that finds all backends full is refused."


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        ("round_robin", [0.5, 0.0, 0.5, 0.0, 0.0]),
        ("hash", [0.5, 0.0, 0.5, 0.0, 0.0]),
        ("hash_mod", [0.5, 0.0, 0.5, 0.0, 0.0]),
        ("first", [1.0, 0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_only_those_that_are_ready_and_weigh_something_share(
    balance: str, expected: list[float]
) -> None:
    rows = [
        backend("a", 1, weight=3),
        backend("b", 2, weight=3, state="drain"),
        backend("c", 3, weight=3),
        backend("d", 4, weight=3, state="maint"),
        backend("e", 5, weight=0),
    ]
    assert shares(balance, rows) == expected


def test_shares_follow_the_weights_unless_the_policy_does_not_look_at_them() -> None:
    rows = [backend("a", 1, weight=3), backend("b", 2, weight=1)]
    assert shares("least_connections", rows) == [0.75, 0.25]
    assert shares("hash_mod", rows) == [0.5, 0.5]
    assert shares("round_robin", []) == []


def test_each_pool_stands_above_its_backends() -> None:
    lines = filled().lines()
    assert [line.key for line in lines] == [
        "web/", "web/web1", "web/web2", "web/web3", "web/web4", "shop/", "shop/shop1"
    ]  # fmt: skip
    assert isinstance(lines[0], PoolLine)
    title = pool_title(lines[0])
    assert title is not None
    assert plain(title) == ">>> pool web  least_connections  2 of 4 READY"
    assert pool_title(lines[1]) is None


def test_rates_are_differences_of_the_engines_clock() -> None:
    past = line_of(filled(0, 2), "web/web1").past
    assert past.new_per_s == 131
    assert past.out_per_s == 24_000_000
    assert list(past.sessions) == [6, 6]


def test_a_second_look_within_the_window_leaves_the_rates_alone() -> None:
    found = filled(0, 1)
    found.apply(canned_routes.pools(1), 1001.2, PID)
    assert line_of(found, "web/web1").past.new_per_s == 131


def test_an_edit_of_ours_shows_at_once_and_an_older_answer_does_not_undo_it() -> None:
    found = filled(0)
    found.note_edit("web/web1", 8, weight=9)
    assert found.generation == 8
    assert line_of(found, "web/web1").row.weight == 9
    assert line_of(found, "web/web1").row.edited
    found.apply(canned_routes.pools(1, generation=7), 1001.0, PID)
    assert line_of(found, "web/web1").row.weight == 9
    found.apply(canned_routes.pools(2, generation=8), 1002.0, PID)
    assert line_of(found, "web/web1").row.weight == 2


def test_another_engine_begins_with_any_generation() -> None:
    found = filled(0, 1)
    found.apply(canned_routes.pools(0, generation=1), 5.0, PID + 1)
    assert found.generation == 1
    assert line_of(found, "web/web1").past.new_per_s == 0


def test_a_backend_in_full_keeps_to_its_room() -> None:
    line = line_of(filled(0, 1), "web/web3")
    for width, height in ((76, 2), (76, 3), (116, 6), (196, 9)):
        lines = in_full(line, width, height)
        assert len(lines) <= height
        assert all(width_of(row) <= width for row in lines)
    said = "\n".join(plain(row) for row in in_full(line, 196, 9))
    assert "ECONNREFUSED" in said
    assert "at most 100" in said
    assert "2 failures" in said


def test_a_backend_in_full_says_what_is_wrong_with_it_now() -> None:
    errors = "web/web1 answers 500: 15 of its last 15"
    troubles = [
        TroubleRow("failing", "web/web1", 3, "web/web1 failed 3 times"),
        TroubleRow("errors", "web/web1", 15, errors),
        TroubleRow("errors", "web/web3", 4, "web/web3 answers 503"),
    ]
    line = line_of(filled(0, 1), "web/web1")
    said = [plain(row) for row in in_full(line, 76, 2, troubles)]
    assert said[1:] == [errors]
    line.row.last_error, line.row.last_error_age_s = "refused", 3.0
    said = [plain(row) for row in in_full(line, 76, 6, troubles)]
    assert said[1:3] == [errors, "last error: refused, 00:03 ago"]


def test_a_backend_is_copied_as_the_file_would_have_it() -> None:
    found = filled()
    assert as_lua(line_of(found, "web/web1")) == (
        '{ name = "web1", address = "127.0.0.1:9001", weight = 2 },'
    )
    assert as_lua(line_of(found, "web/web3")) == (
        '{ name = "web3", address = "127.0.0.1:9003", max_connections = 100 },'
    )


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"pool": "wbe"}, "pool", 'no pool "wbe"; there are web, shop'),
        ({"name": "web1"}, "name", "already there"),
        ({"name": ""}, "name", "it needs a name"),
        ({"name": "a b"}, "name", "cannot name a backend"),
        ({"address": ""}, "address", "the address is empty"),
        ({"address": "127.0.0.1"}, "address", "the port is missing"),
        ({"address": "https://a:443"}, "address", 'mode = "tcp"'),
        ({"weight": ""}, "weight", "0 to 256"),
        ({"weight": "-1"}, "weight", "0 to 256"),
        ({"weight": "257"}, "weight", "weight 257 of web/web5 is out of range"),
        ({"weight": "²"}, "weight", "0 to 256"),
        ({"max_connections": "many"}, "max_connections", "is a number"),
    ],
)
def test_what_cannot_be_added_says_which_field_and_why(
    changes: dict[str, str], field: str, words: str
) -> None:
    table = table_of(canned_routes.pools().pools, 7)
    problem = add_problem(NEW | changes, table)
    assert problem is not None
    assert problem.field == field
    assert words in problem.text


def test_what_can_be_added_is_sent_as_the_command_wants_it() -> None:
    table = table_of(canned_routes.pools().pools, 7)
    assert add_problem(NEW, table) is None
    assert add_params(NEW) == {
        "pool": "web",
        "name": "web5",
        "address": "127.0.0.1:9005",
        "weight": 2,
        "max_connections": 0,
    }


def test_only_what_differs_is_sent() -> None:
    row = backend("web1", 9001, weight=2)
    same = {"address": "127.0.0.1:9001", "weight": "2", "max_connections": "0"}
    assert set_params(same, row) == {}
    assert set_params(same | {"weight": "3"}, row) == {"weight": 3}
    assert field_problem({"weight": str(WEIGHT_MAX)}) is None


def test_sentences_say_what_an_edit_would_do() -> None:
    pools = canned_routes.pools().pools
    table = table_of(pools, 7)
    assert sentence("web/web1", {"weight": 3}, table) == "web/web1: weight 2 → 3"
    assert sentence("web/web1", {}, table) == "Nothing differs from what is in force."
    heavier = msgspec.structs.replace(pools[0].backends[0], weight=3)
    assert share_sentence(pools[0], "web1", heavier).startswith("its share of pool web: 67% → 75%")
    added = backend("web5", 9005, weight=3)
    assert share_sentence(pools[0], "web5", added) == "its share of pool web: 50%"
