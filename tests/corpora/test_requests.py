"""Every request vector through a session: refused, or read behind us as it was before us.

Each goes through in one piece, once more when its head is known already, byte by byte, and with
another request before and behind it. What reaches the backends is read by parsers of others.
"""

import re
from collections.abc import Callable
from functools import cache

import pytest

from rsp.core.limits import Limits
from tests.behaviour.programs import needs
from tests.conftest import fuzz_examples
from tests.corpora.judges import JUDGES, Judge, Refused, Seen, by_h11, by_httptools, by_node
from tests.corpora.passing import Passed, in_bytes, pass_requests
from tests.corpora.vectors import Vector, needs_corpora, vectors

pytestmark = needs_corpora

CANARY = b"GET /canary HTTP/1.1\r\nHost: canary.example\r\n\r\n"
CANARY_SEEN = Seen(b"GET", b"/canary", b"canary.example", b"")
REFUSALS = {400, 405, 413, 414, 417, 431, 501, 505, 508}
INTO_BYTES = 3000
"""Longer vectors come in longer pieces: what makes them long is one field."""
SPLIT_BYTES = fuzz_examples(48)
"""Vectors up to this long are cut at each of their bytes."""


def once_known(wire: bytes) -> Passed:
    """Pass the same bytes on two connections, under the same limits; return the second."""
    limits = Limits()
    pass_requests([wire], limits)
    return pass_requests([wire], limits)


def byte_by_byte(wire: bytes) -> Passed:
    if len(wire) <= INTO_BYTES:
        return pass_requests(in_bytes(wire), Limits())
    pieces = [wire[at : at + 101] for at in range(0, len(wire), 101)]
    return pass_requests(pieces, Limits())


WAYS: dict[str, Callable[[bytes], Passed]] = {
    "whole": lambda wire: pass_requests([wire], Limits()),
    "known": once_known,
    "bytes": byte_by_byte,
    "behind": lambda wire: pass_requests([CANARY + wire], Limits()),
    "before": lambda wire: pass_requests([wire + CANARY], Limits()),
    "twice": lambda wire: pass_requests([wire + wire], Limits()),
}


@cache
def passed(way: str) -> dict[str, Passed]:
    """Return what became of each vector, by its name."""
    return {vector.name: WAYS[way](vector.wire) for vector in vectors("request")}


def of_class(*classes: str) -> list[Vector]:
    return [vector for vector in vectors("request") if vector.must in classes]


def read_upstream(one: Passed) -> list[Seen]:
    """Return the whole requests of all backend connections, as h11 reads them."""
    return [seen for wire in one.upstream for seen in by_h11(wire)]


def refusal(one: Passed) -> int:
    """Return the status of the reply of ours at the end; 0: there was none."""
    own = one.statuses[one.answers :]
    assert len(own) < 2
    return own[0] if own else 0


# -- what the manifest says


def test_every_vector_becomes_what_the_manifest_says() -> None:
    found = {name: (one.answers, refusal(one)) for name, one in passed("whole").items()}
    assert found == {v.name: (v.forwards, v.then) for v in vectors("request")}


def test_a_vector_that_is_known_already_becomes_the_same() -> None:
    for name, one in passed("known").items():
        before = passed("whole")[name]
        assert (one.upstream, one.client) == (before.upstream, before.client), name


def test_byte_by_byte_the_same_is_forwarded_and_the_same_is_refused() -> None:
    """An early refusal may be for another reason."""
    for vector in vectors("request"):
        one = passed("bytes")[vector.name]
        assert one.answers == vector.forwards, vector.name
        assert bool(refusal(one)) == bool(vector.then), vector.name
        assert read_upstream(one) == read_upstream(passed("whole")[vector.name]), vector.name


def test_wherever_a_vector_is_cut_in_two_it_is_the_same() -> None:
    for vector in vectors("request"):
        if len(vector.wire) > SPLIT_BYTES:
            continue
        for at in range(1, len(vector.wire)):
            one = pass_requests([vector.wire[:at], vector.wire[at:]], Limits())
            assert one.answers == vector.forwards, (vector.name, at)
            assert bool(refusal(one)) == bool(vector.then), (vector.name, at)
            if one.answers:
                assert one.upstream == passed("whole")[vector.name].upstream, (vector.name, at)


# -- I1: the parsers behind us agree


@cache
def connections() -> list[bytes]:
    """Return everything that ever was written on one backend connection."""
    return sorted({wire for way in WAYS for one in passed(way).values() for wire in one.upstream})


def verdict(judge: Judge, wire: bytes) -> list[Seen] | Refused:
    try:
        return judge(wire)
    except Refused as refused:
        return refused


def assert_as_h11_reads(theirs: list[list[Seen] | Refused]) -> None:
    assert len(connections()) > 200
    for wire, other in zip(connections(), theirs, strict=True):
        assert by_h11(wire) == other, wire


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_all_judges_read_the_same_requests_from_what_we_wrote(judge: Judge) -> None:
    assert_as_h11_reads([verdict(judge, wire) for wire in connections()])


@pytest.mark.capability("Node")
@needs("node", "nodejs")
def test_node_reads_the_same_requests_from_what_we_wrote() -> None:
    assert_as_h11_reads(by_node(connections()))


# -- I2: what is read behind us is what was answered, and what the client got


@pytest.mark.parametrize("way", WAYS)
def test_each_request_behind_us_has_one_response(way: str) -> None:
    for name, one in passed(way).items():
        assert len(read_upstream(one)) == one.answers, name
        assert one.statuses.count(200) == one.answers, name
        relayed = re.findall(rb"\r\n\r\nanswer (\d+)", one.client)
        assert [int(number) for number in relayed] == sorted(map(int, relayed)), name


# -- I3: what must be refused gets nowhere


def test_what_must_be_refused_sends_no_byte_to_a_backend() -> None:
    for vector in of_class("MUST_REJECT"):
        one = passed("whole")[vector.name]
        assert b"".join(one.upstream) == b"", vector.name
        if vector.then:
            assert vector.then in REFUSALS, vector.name
            assert one.was_ended, vector.name
            assert b"\r\nConnection: close\r\n" in one.client, vector.name
        else:
            assert one.client == b"", vector.name


@pytest.mark.parametrize("way", WAYS)
def test_what_must_be_refused_never_reaches_a_backend_whole(way: str) -> None:
    """Nor does anything that stands behind it."""
    expected = [CANARY_SEEN] if way == "behind" else []
    for vector in of_class("MUST_REJECT"):
        if not vector.then and way in ("before", "twice"):
            continue  # what follows an unfinished head goes on with it
        assert read_upstream(passed(way)[vector.name]) == expected, vector.name


# -- I4, here: what follows a vector is its own request, or none


def test_a_request_behind_a_vector_is_never_changed_by_it() -> None:
    """It arrives as it is, or not at all: where the vector is not whole, it is the rest of it."""
    for vector in vectors("request"):
        seen = read_upstream(passed("before")[vector.name])
        if seen[vector.forwards :] not in ([], [CANARY_SEEN]):
            assert (vector.forwards, vector.then) == (0, 0), vector.name
            theirs = [origin_form(one) for one in by_httptools(vector.wire + CANARY)]
            assert seen == theirs[: len(seen)], vector.name


def test_a_request_before_a_vector_changes_nothing() -> None:
    for vector in vectors("request"):
        one = passed("behind")[vector.name]
        assert read_upstream(one)[:1] == [CANARY_SEEN], vector.name
        assert read_upstream(one)[1:] == read_upstream(passed("whole")[vector.name]), vector.name
        assert refusal(one) == vector.then, vector.name


# -- I5: what must be forwarded means behind us what it meant before us


def origin_form(seen: Seen) -> Seen:
    """Return a request with a path as its target: what we make of one in absolute form."""
    return seen._replace(target=re.sub(rb"\Ahttp://[^/?]*", b"", seen.target) or b"/")


def with_host(seen: Seen, ours: list[Seen]) -> Seen:
    """Return a request with a host: one of HTTP/1.0 may have none, and gets the backend's."""
    return seen if seen.host or not ours else seen._replace(host=ours[0].host)


def test_what_must_be_forwarded_means_the_same_behind_us() -> None:
    for vector in of_class("MUST_FORWARD"):
        assert vector.forwards
        ours = read_upstream(passed("whole")[vector.name])
        read = {name: verdict(judge, vector.wire) for name, judge in JUDGES.items()}
        same = [
            name
            for name, seen in read.items()
            if not isinstance(seen, Refused)
            and [with_host(origin_form(one), ours) for one in seen[: vector.forwards]] == ours
        ]
        refusing = [name for name, seen in read.items() if isinstance(seen, Refused)]
        assert len(same) >= 3, (vector.name, ours, read)
        assert len(same) + len(refusing) == len(read), (vector.name, ours, read)
