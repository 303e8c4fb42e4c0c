"""Whom a session is waiting for, and for how long."""

from dataclasses import fields, replace
from itertools import product

import pytest

from rsp.core.lifecycle import State
from rsp.core.limits import Limits
from rsp.core.patience import Patience, Waiting, first_looks_s, patience
from rsp.core.vocabulary import CloseReason, SessionState

QUIET = Waiting(
    client_blocked=False, backend_blocked=False, request_open=False, response_begun=False
)
_SECONDS = [
    name
    for name in Limits.__dataclass_fields__
    if name.endswith("_s") and not name.endswith("per_s")
]
_RATES = {"client_body_bytes_per_s": 0, "client_read_bytes_per_s": 0}
LIMITS = replace(Limits(), **{name: n for n, name in enumerate(_SECONDS, 1)}, **_RATES)
"""Every allowance has a number of its own, so that a wrong one is seen."""


def streaming(**waiting: bool) -> Patience:
    values = {field.name: False for field in fields(Waiting)} | waiting
    return patience(State.STREAMING, LIMITS, Waiting(**values))


@pytest.mark.parametrize(
    ("state", "limit", "reason"),
    [
        (State.READING_PROXY_HEADER, "proxy_header_s", CloseReason.BAD_PROXY_HEADER),
        (State.READING_HEAD, "client_head_s", CloseReason.CLIENT_TIMEOUT),
        (State.ROUTING, "client_head_s", CloseReason.CLIENT_TIMEOUT),
        (State.IDLE, "keep_alive_idle_s", CloseReason.IDLE_TIMEOUT),
        (State.CONNECTING, "connect_s", CloseReason.BACKEND_TIMEOUT),
        (State.CONNECTING_CLIENT_FINISHED, "connect_s", CloseReason.BACKEND_TIMEOUT),
        (State.TUNNEL, "tunnel_idle_s", CloseReason.IDLE_TIMEOUT),
        (State.TUNNEL_BACKEND_FINISHED, "tunnel_idle_s", CloseReason.IDLE_TIMEOUT),
        (State.DRAINING, "client_write_idle_s", CloseReason.CLIENT_TIMEOUT),
        (State.CLOSING, "linger_idle_s", CloseReason.FINISHED),
    ],
)
def test_each_state_has_its_allowance(state: State, limit: str, reason: CloseReason) -> None:
    allowed = patience(state, LIMITS, QUIET)
    assert (allowed.limit_s, allowed.reason) == (getattr(LIMITS, limit), reason)


@pytest.mark.parametrize(
    ("waiting", "limit", "reason"),
    [
        ({}, "response_head_s", CloseReason.BACKEND_TIMEOUT),
        ({"request_open": True}, "client_body_idle_s", CloseReason.CLIENT_TIMEOUT),
        ({"backend_blocked": True}, "response_head_s", CloseReason.BACKEND_TIMEOUT),
        ({"response_begun": True}, "response_idle_s", CloseReason.BACKEND_TIMEOUT),
        ({"client_blocked": True}, "client_write_idle_s", CloseReason.CLIENT_TIMEOUT),
    ],
)
def test_a_streaming_session_waits_for_whoever_has_to_act(
    waiting: dict[str, bool], limit: str, reason: CloseReason
) -> None:
    allowed = streaming(**waiting)
    assert (allowed.limit_s, allowed.reason) == (getattr(LIMITS, limit), reason)


def test_a_client_that_does_not_read_is_named_before_a_backend_that_is_paused_for_it() -> None:
    allowed = streaming(
        client_blocked=True, response_begun=True, request_open=True, backend_blocked=True
    )
    assert allowed.phrase == "the client took no byte"


def test_a_full_backend_is_named_before_the_client_that_is_paused_for_it() -> None:
    allowed = streaming(backend_blocked=True, request_open=True)
    assert allowed.phrase == "the backend took no byte of the request"


@pytest.mark.parametrize("state", State)
def test_every_state_waits_for_something_that_can_be_named(state: State) -> None:
    allowed = patience(state, LIMITS, QUIET)
    assert allowed.limit_s > 0
    assert allowed.phrase


FIXED = (
    SessionState.READING_PROXY_HEADER,
    SessionState.READING_HEAD,
    SessionState.ROUTING,
    SessionState.QUEUED,
    SessionState.IDLE,
)


@pytest.mark.parametrize("state", State)
def test_only_what_has_no_steps_of_its_own_runs_from_its_beginning(state: State) -> None:
    """A head that trickles in makes no progress; a body does."""
    is_fixed = state.shown in (*FIXED, SessionState.CONNECTING)
    assert patience(state, LIMITS, QUIET).is_fixed is is_fixed


def test_the_next_look_misses_neither_progress_nor_the_end() -> None:
    fixed = patience(State.IDLE, LIMITS, QUIET)
    assert fixed.next_look_s(3.0) == 3.0
    moving = streaming()
    assert moving.next_look_s(moving.limit_s) == moving.limit_s / 6
    assert moving.next_look_s(0.25) == 0.25


@pytest.mark.parametrize("state", State)
def test_the_first_look_comes_before_any_allowance_of_the_state_can_end(state: State) -> None:
    first_s = first_looks_s(LIMITS)[state.index]
    for values in product((False, True), repeat=4):
        allowed = patience(state, LIMITS, Waiting(*values))
        assert 0 < first_s <= allowed.next_look_s(allowed.limit_s)


SLOW = replace(LIMITS, client_body_bytes_per_s=100, client_read_bytes_per_s=200)
UPLOADING = replace(QUIET, request_open=True)
READING = replace(QUIET, client_blocked=True)


@pytest.mark.parametrize(
    ("state", "waiting", "rate", "phrase"),
    [
        (State.STREAMING, UPLOADING, 100, "the client sent fewer than 100 body bytes a second"),
        (State.STREAMING, READING, 200, "the client took fewer than 200 bytes a second"),
        (State.DRAINING, QUIET, 200, "the client took fewer than 200 bytes a second"),
    ],
)
def test_a_client_that_trickles_makes_no_progress(
    state: State, waiting: Waiting, rate: int, phrase: str
) -> None:
    allowed = patience(state, SLOW, waiting)
    assert allowed.phrase == phrase
    assert not allowed.is_progress(rate * 10 - 1, 10.0)
    assert allowed.is_progress(rate * 10, 10.0)


def test_without_a_least_rate_any_byte_is_progress_and_none_is_not() -> None:
    allowed = patience(State.STREAMING, LIMITS, UPLOADING)
    assert allowed.is_progress(1, 1_000.0)
    assert not allowed.is_progress(0, 0.0)


def test_what_is_fixed_never_progresses() -> None:
    assert not patience(State.READING_HEAD, LIMITS, QUIET).is_progress(1 << 30, 0.1)
