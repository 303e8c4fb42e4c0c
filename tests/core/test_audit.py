"""The audit of recorded decisions: what is a split, and what only looks like one."""

from typing import Any

from rsp.core.audit import audit
from rsp.core.decision_rows import CandidateRow, DecisionRow
from rsp.core.replies import Backends, PoolRow

HASHED = Backends(3, [PoolRow("web", "hash", []), PoolRow("api", "round_robin", [])])
RELOADS = r"^/user/[^/]+/webapps/([^/]+)/reload$"


def row(seq: int, host: str, backend: str | None, **changes: Any) -> DecisionRow:
    values: dict[str, Any] = {
        "seq": seq, "at": "", "session": seq, "generation": 3, "method": "GET", "host": host,
        "path": "/", "pool": "web", "backend": backend, "key": host, "reason": "",
        "elapsed_us": 1.0, "candidates": [],
    }  # fmt: skip
    return DecisionRow(**values | changes)


def test_a_split_names_its_spellings_their_backends_and_their_last_decisions() -> None:
    rows = [
        row(1, "IronHand.example.com", "web2"),
        row(2, "ironhand.example.com", "web1"),
        row(3, "IronHand.example.com", "web2"),
        row(4, "other.example.com", "web1"),
    ]
    report = audit(rows, HASHED)
    (split,) = report.splits
    assert split.key == "ironhand.example.com"
    assert {s: (w.backend, w.count, w.last_decision) for s, w in split.spellings.items()} == {
        "IronHand.example.com": ("web/web2", 2, 3),
        "ironhand.example.com": ("web/web1", 1, 2),
    }
    assert (report.compared, report.generation) == (4, 3)


def test_codes_and_doubled_slashes_are_spellings_too() -> None:
    rows = [
        row(1, "", "web1", key="/caf%C3%A9/~x"),
        row(2, "", "web2", key="/caf%c3%a9/%7Ex"),
        row(3, "", "web3", key="//caf%C3%A9/~x"),
    ]
    (split,) = audit(rows, HASHED).splits
    assert len(split.spellings) == 3


def test_who_was_sent_on_because_of_somebody_full_or_gone_is_not_compared() -> None:
    for verdict in ("tried before", "full (2 of 2)"):
        left_out = CandidateRow("web1", "ready", 1, 2, verdict)
        rows = [
            row(1, "a.example", "web1"),
            row(2, "A.example", "web2", candidates=[left_out]),
        ]
        assert audit(rows, HASHED).splits == []
        rows[1].candidates[0].verdict = "not picked"
        assert len(audit(rows, HASHED).splits) == 1


def test_decisions_on_both_sides_of_an_edit_are_not_compared() -> None:
    rows = [row(1, "a.example", "web1"), row(2, "A.example", "web2", generation=4)]
    report = audit(rows, HASHED)
    assert (report.splits, report.compared) == ([], 1)


def test_a_host_whose_spellings_reach_two_pools_by_one_path_is_split() -> None:
    rows = [
        row(1, "api.example", "api1", pool="api", key=None),
        row(2, "API.example", "web1", key=None),
    ]
    (split,) = audit(rows, HASHED).splits
    assert {way.backend for way in split.spellings.values()} == {"api", "web"}
    rows[1].path = "/other"
    assert audit(rows, HASHED).splits == []


def test_turns_that_are_taken_are_no_split() -> None:
    rows = [
        row(1, "api.example", "api1", pool="api"),
        row(2, "API.example", "api2", pool="api"),
    ]
    assert audit(rows, HASHED).splits == []


def test_a_host_and_a_path_that_name_one_site_are_compared_when_that_is_declared() -> None:
    rows = [
        row(1, "ironhand.example", "web1"),
        row(2, "www.example", "web2", path="/user/x/webapps/IronHand.example/reload", key="hash:7"),
    ]
    assert audit(rows, HASHED).splits == []
    declared = Backends(3, HASHED.pools, [RELOADS])
    (split,) = audit(rows, declared).splits
    assert split.key == "ironhand.example"
    assert set(split.spellings) == {"ironhand.example", "IronHand.example in the path"}
    rows[1].backend = "web1"
    assert audit(rows, declared).splits == []
