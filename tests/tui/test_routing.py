"""What the Routing screen computes: split keys, the log of decisions, groups, explanations."""

import random

import pytest

from rsp.core.audit import SplitKeys
from rsp.core.decision_rows import DecisionRow
from rsp.core.filter import parse_filter
from rsp.core.replies import Backends, PoolRow
from rsp.core.spellings import normal_form
from rsp.tui.limits import DECISIONS_SHOWN
from rsp.tui.model.decision_columns import (
    candidate_lines,
    explain_command,
    explained,
    split_lines,
)
from rsp.tui.model.decisions import GROUPINGS, DecisionLog, filter_for, grouped
from rsp.tui.model.spans import plain, width_of
from tests.tui.canned_routes import decision, decisions, keyed, mixed

PID = 4121


def counted(rows: list[DecisionRow]) -> SplitKeys:
    found = SplitKeys()
    for row in rows:
        found.add(row)
    return found


def spread(first: int, **ways: tuple[str, int]) -> list[DecisionRow]:
    """Return decisions: each spelling (`_` for `.`) goes to a backend, so many times."""
    rows: list[DecisionRow] = []
    for spelling, (backend, count) in ways.items():
        for _ in range(count):
            rows.append(keyed(first + len(rows), spelling.replace("_", "."), backend))
    return rows


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("IronHand.example", "ironhand.example"),
        ("ironhand.example.", "ironhand.example"),
        ("ironhand.example:8080", "ironhand.example"),
        ("IRONHAND.example.:80", "ironhand.example"),
        ("[2001:DB8::7F]:80", "[2001:db8::7f]"),
        ("2001:db8::7f", "2001:db8::7f"),
        ("127.0.0.1", "127.0.0.1"),
        ("user:fred", "user:fred"),
        ("", ""),
    ],
)
def test_every_spelling_of_a_name_comes_down_to_one(key: str, expected: str) -> None:
    assert normal_form(key) == expected


def test_one_name_with_two_backends_is_split_and_the_sentence_says_so() -> None:
    rows = spread(1, IronHand_example=("web2", 31), ironhand_example=("web1", 204))
    (split,) = counted(rows).found()
    assert split.name == "ironhand.example"
    assert split.sentence == (
        "'IronHand.example' → web2 (31×) but 'ironhand.example' → web1 (204×): "  # noqa: RUF001
        "same name, different backends"
    )


@pytest.mark.parametrize("other", ["ironhand.example.", "ironhand.example:8080"])
def test_a_final_dot_or_a_port_splits_as_well(other: str) -> None:
    rows = [keyed(1, "ironhand.example", "web1"), keyed(2, other, "web2")]
    assert len(counted(rows).found()) == 1


def test_spellings_that_go_the_same_way_are_no_split() -> None:
    rows = spread(1, IronHand_example=("web1", 3), ironhand_example=("web1", 4))
    assert counted(rows).found() == []


def test_one_spelling_that_goes_two_ways_is_no_split() -> None:
    rows = [keyed(1, "a.example", "web1"), keyed(2, "a.example", "web2")]
    assert counted(rows).found() == []


def test_a_stray_retry_is_no_split() -> None:
    rows = spread(1, A_example=("web1", 9), a_example=("web1", 9))
    rows.append(keyed(99, "A.example", "web2"))
    assert counted(rows).found() == []


def test_only_decisions_with_a_key_and_a_backend_count() -> None:
    rows = [
        keyed(1, "A.example", "web1"),
        decision(2, host="a.example", backend="web2", key=None),
        keyed(3, "a.example", "web2", error="no backend is available"),
    ]
    rows[2].backend = None
    assert counted(rows).found() == []


def test_the_same_name_in_two_pools_is_no_split() -> None:
    rows = [keyed(1, "A.example", "web1"), keyed(2, "a.example", "api1")]
    rows[1].pool = "api"
    assert counted(rows).found() == []


def test_a_pool_whose_policy_looks_at_no_key_is_never_split() -> None:
    rows = spread(1, A_example=("web2", 1), a_example=("web1", 1))
    assert counted(rows).found({"shop"}) == []
    assert len(counted(rows).found({"web"})) == 1


def test_after_a_change_only_what_was_decided_since_then_counts() -> None:
    rows = spread(1, A_example=("web2", 3), a_example=("web1", 3))
    found = counted(rows)
    assert found.found()
    found.add(keyed(10, "a.example", "web1", generation=8))
    assert found.found() == []
    found.add(keyed(11, "A.example", "web1", generation=7))
    assert found.found() == []


def test_counting_out_is_the_reverse_of_counting_in() -> None:
    chance = random.Random(7)
    keys = ["A.example", "a.example", "b.example", "B.example:80", "c.example"]
    rows = []
    for seq in range(400):
        key = chance.choice(keys)
        usual = "web1" if key.islower() else "web2"
        rows.append(keyed(seq, key, chance.choice([usual, usual, usual, "web3"])))
    found = counted(rows)
    for row in rows[:300]:
        found.drop(row)
    assert {*found.found()} == {*counted(rows[300:]).found()} != set()
    for row in rows[300:]:
        found.drop(row)
    assert found.found() == []
    assert not found._groups


def test_the_log_counts_what_it_missed_and_begins_anew_with_another_engine() -> None:
    log = DecisionLog()
    log.apply(decisions([decision(40), decision(41)]), PID)
    assert (log.since, log.missed) == (41, 0)
    log.apply(decisions([decision(50)]), PID)
    assert (log.since, log.missed) == (50, 8)
    log.apply(decisions([decision(1)]), PID + 1)
    assert [row.seq for row in log.rows] == [1]
    assert (log.since, log.missed) == (1, 0)


def test_the_log_has_a_size_and_forgets_the_splits_that_left_it() -> None:
    log = DecisionLog()
    log.apply(decisions([keyed(1, "A.example", "web2"), keyed(2, "a.example", "web1")]), PID)
    assert len(log.splits) == 1
    assert log.split_of(log.rows[0]) == log.splits[0]
    more = [decision(3 + index) for index in range(DECISIONS_SHOWN - 1)]
    log.apply(decisions(more), PID)
    assert len(log.rows) == DECISIONS_SHOWN
    assert log.rows[0].seq == 2
    assert log.splits == []


def test_the_log_knows_which_policies_look_at_the_key() -> None:
    log = DecisionLog()
    log.apply_backends(Backends(7, [PoolRow("shop", "round_robin", [])]))
    log.apply(decisions([keyed(1, "A.example", "web2"), keyed(2, "a.example", "web1")]), PID)
    assert log.splits == []
    log.apply_backends(Backends(7, [PoolRow("shop", "hash_mod", [])]))
    log.apply(decisions([keyed(3, "a.example", "web1")]), PID)
    assert len(log.splits) == 1


def test_groups_say_how_many_and_where_they_went() -> None:
    by_host = grouped(mixed(), "host")
    assert [(group.name, group.count) for group in by_host[:2]] == [
        ("ironhand.example", 4),
        ("blog.example.com", 2),
    ]
    assert by_host[0].targets == {"shop/shop1": 4}
    assert sum(group.share for group in by_host) == pytest.approx(1)
    by_backend = {group.name: group for group in grouped(mixed(), "backend")}
    assert by_backend["(none)"].errors == 1


@pytest.mark.parametrize("by", GROUPINGS)
def test_the_filter_of_a_group_lets_just_that_group_pass(by: str) -> None:
    rows = mixed()
    for group in grouped(rows, by):
        chosen = parse_filter(filter_for(by, group.name))
        passed = [row for row in rows if chosen.matches(row)]
        assert len(passed) == group.count, filter_for(by, group.name)


@pytest.mark.parametrize("width", [56, 76, 116])
@pytest.mark.parametrize("height", [4, 6, 9])
def test_an_explanation_keeps_to_its_room(width: int, height: int) -> None:
    for row in mixed():
        lines = explained(row, width, height)
        assert len(lines) <= height


def test_an_explanation_says_what_why_and_who_else() -> None:
    said = "\n".join(plain(line) for line in explained(decision(1), 100, 9))
    for words in (
        "GET blog.example.com/feed.xml",
        "→ web/web1   every other host is the web site",
        "3.1 µs",
        "▸ web1  ● READY  weight 2",
        "full (100 of 100)",
    ):
        assert words in said
    failed = mixed()[7]
    said = "\n".join(plain(line) for line in explained(failed, 100, 9))
    assert "✗ blog.lua:14: attempt to index a nil value" in said


def test_the_chosen_candidate_is_seen_where_there_is_little_room() -> None:
    rows = list(reversed(decision(1).candidates))
    lines = candidate_lines(rows, 80, 2)
    assert "▸ web1" in plain(lines[0])
    assert plain(lines[1]).strip() == "and 3 more, none of them chosen"
    assert [plain(line).strip() for line in candidate_lines(rows, 80, 1)] == ["4 candidates"]
    assert candidate_lines(rows, 80, 0) == []


def test_a_notice_takes_two_lines_at_most_and_says_how_many_more() -> None:
    rows = spread(1, A_example=("web2", 1), a_example=("web1", 2))
    rows += spread(9, B_example=("web2", 1), b_example=("web1", 2))
    splits = counted(rows).found()
    wide = split_lines(splits, 196)
    assert len(wide) == 2
    narrow = split_lines(splits, 58)
    assert len(narrow) == 2
    assert "same name, different backends (and 1 more)" in " ".join(
        plain(line).strip() for line in narrow
    )
    assert all(width_of(line) <= 61 for line in narrow)
    assert split_lines([], 78) == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("/srv/blog.lua", "rsp explain /srv/blog.lua GET http://blog.example.com/feed.xml"),
        ("/srv/my blog.lua", "rsp explain '/srv/my blog.lua' GET http://blog.example.com/feed.xml"),
        (None, "rsp ctl explain GET http://blog.example.com/feed.xml"),
    ],
)
def test_a_decision_is_copied_as_the_command_that_explains_it(
    config: str | None, expected: str
) -> None:
    assert explain_command(decision(1), config) == expected


def test_what_strangers_send_is_quoted_for_the_shell() -> None:
    row = decision(1, path="/$(reboot);'")
    assert explain_command(row, None).endswith("""'http://blog.example.com/$(reboot);'"'"''""")
    assert explain_command(decision(1, method="", host="", path=""), None) == ""
