"""Every response vector through a session, as the answer to a GET: I6, and the splits.

What a backend must not say is a 502 or breaks off where the client can see it; it is never a whole
response. What it may say means for the client what it would have meant without us.
"""

from collections.abc import Callable
from functools import cache

import pytest

from rsp.core.limits import Limits
from tests.conftest import fuzz_examples
from tests.corpora.passing import Answer, in_bytes, pass_response, read_answer
from tests.corpora.vectors import needs_corpora, vectors

pytestmark = needs_corpora

BAD_GATEWAY = 502
SPLIT_BYTES = fuzz_examples(150)
"""Responses up to this long are cut at each of their bytes."""


def once_known(wire: bytes) -> Answer | None:
    limits = Limits()
    pass_response([wire], limits)
    return pass_response([wire], limits)


WAYS: dict[str, Callable[[bytes], Answer | None]] = {
    "whole": lambda wire: pass_response([wire], Limits()),
    "known": once_known,
    "bytes": lambda wire: pass_response(in_bytes(wire), Limits()),
}


@cache
def passed(way: str) -> dict[str, Answer | None]:
    """Return what the client reads for each vector, by its name."""
    return {vector.name: WAYS[way](vector.wire) for vector in vectors("response")}


def whole() -> dict[str, Answer | None]:
    return passed("whole")


def test_every_vector_becomes_what_the_manifest_says() -> None:
    found = {name: (one.status, one.is_whole) if one else None for name, one in whole().items()}
    assert found == {v.name: (v.status, v.is_whole) for v in vectors("response")}


def test_a_vector_that_is_known_already_becomes_the_same() -> None:
    assert passed("known") == whole()


@pytest.mark.parametrize("way", WAYS)
def test_what_must_be_refused_is_never_a_whole_response(way: str) -> None:
    for vector in vectors("response"):
        if vector.must == "MUST_REJECT":
            one = passed(way)[vector.name]
            assert one is not None, vector.name
            assert one.status == BAD_GATEWAY or not one.is_whole, vector.name


@pytest.mark.parametrize("way", WAYS)
def test_what_must_be_forwarded_means_the_same_for_the_client(way: str) -> None:
    for vector in vectors("response"):
        if vector.must == "MUST_FORWARD":
            alone = read_answer(vector.wire, is_reset=False)
            assert passed(way)[vector.name] == alone, vector.name


def test_byte_by_byte_nothing_else_becomes_whole() -> None:
    """What a later byte makes wrong may have begun by then: it breaks off instead."""
    for vector in vectors("response"):
        one, cut = whole()[vector.name], passed("bytes")[vector.name]
        assert one is not None, vector.name
        assert cut is not None, vector.name
        if one.status != BAD_GATEWAY:
            assert cut == one, vector.name
        else:
            assert cut.status == BAD_GATEWAY or not cut.is_whole, vector.name


def test_wherever_a_response_is_cut_in_two_it_is_the_same() -> None:
    for vector in vectors("response"):
        if vector.must != "MUST_FORWARD" or len(vector.wire) > SPLIT_BYTES:
            continue
        for at in range(1, len(vector.wire)):
            pieces = [vector.wire[:at], vector.wire[at:]]
            cut = pass_response(pieces, Limits())
            assert cut == whole()[vector.name], (vector.name, at)
