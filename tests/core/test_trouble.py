"""Sentences about backends that fail: who it is, how often, and how the others of its pool do."""

from collections import Counter

from rsp.core.lab_limits import FAILURES_DATED
from rsp.core.trouble import Tally, troubles


def said(*tallies: Tally) -> list[str]:
    return [row.sentence for row in troubles(tallies)]


def test_health_is_told_of_nobody() -> None:
    assert said(Tally("web/web1", answers=400), Tally("web/web2")) == []


def test_failures_say_why() -> None:
    refused = "connecting: refused (ECONNREFUSED)"
    assert said(Tally("web/web2", failures=1, last_error=refused)) == [
        f"web/web2 failed 1 time in the last 60 s: {refused}"
    ]
    many = Tally("web/web2", failures=FAILURES_DATED, last_error=refused)
    assert said(many) == [f"web/web2 failed 100+ times in the last 60 s: {refused}"]


def test_errors_are_compared_with_the_others_of_the_pool() -> None:
    broken = Tally("web/web2", answers=15, errors=Counter({500: 15}))
    others = [Tally("web/web1", answers=12), Tally("web/web3", answers=3), Tally("b/c", answers=9)]
    assert said(broken, *others) == [
        "web/web2 answers 500: 15 of its last 15; the others of its pool 0 of 15"
    ]
    assert said(broken) == ["web/web2 answers 500: 15 of its last 15"]
    mixed = Tally("web/web2", answers=20, errors=Counter({500: 2, 503: 2}))
    assert said(mixed) == ["web/web2 answers 5xx: 4 of its last 20"]


def test_a_few_errors_among_many_answers_are_none_of_this() -> None:
    assert said(Tally("web/web1", answers=2, errors=Counter({500: 2}))) == []
    assert said(Tally("web/web1", answers=1_000, errors=Counter({500: 49}))) == []
    assert said(Tally("web/web1", answers=1_000, errors=Counter({500: 50})))


def test_who_waits_is_counted_with_the_longest() -> None:
    assert said(Tally("web/a", unaccepted_s=[3.09])) == [
        "1 request waits to be connected to web/a, the longest for 3.09 s"
    ]
    assert said(Tally("web/a", unanswered_s=[8.2, 4.0, 3.5])) == [
        "3 requests wait for web/a to begin its answer, the longest for 8.20 s"
    ]


def test_the_worst_kind_comes_first_and_of_a_kind_the_most_frequent() -> None:
    rows = troubles(
        [
            Tally("web/a", unanswered_s=[9.0] * 50, failures=1, last_error="x"),
            Tally("web/b", answers=9, errors=Counter({502: 9})),
            Tally("web/c", failures=7, last_error="y"),
        ]
    )
    assert [(row.kind, row.backend) for row in rows] == [
        ("failing", "web/c"), ("failing", "web/a"), ("errors", "web/b"), ("unanswered", "web/a"),
    ]  # fmt: skip
