"""Whom a session is waiting for, and for how long it may."""

from dataclasses import dataclass

from rsp.core.lifecycle import State
from rsp.core.limits import QUEUE_TIMEOUT_S, TIMER_TICK_S, Limits
from rsp.core.vocabulary import CloseReason, SessionState

_LOOKS_PER_LIMIT = 6
"""Progress is looked at this often within an allowance, so it ends at most a sixth too late."""


@dataclass(frozen=True, slots=True)
class Patience:
    """An allowance of `limit_s` seconds without progress."""

    limit_s: float
    reason: CloseReason
    phrase: str
    """What did not happen: `the client sent no whole request head`."""
    is_fixed: bool = False
    """Whether it runs from the beginning of the state, whatever trickles in meanwhile."""
    bytes_per_s: int = 0
    """What moves more slowly is no progress; 0: any byte is."""

    def is_progress(self, moved_bytes: int, elapsed_s: float) -> bool:
        """Tell whether that many bytes since the last progress, `elapsed_s` ago, are the next.

        `moved_bytes` came in or went out: what passes through counts twice, to be lenient.
        """
        if self.is_fixed or not moved_bytes:
            return False
        return moved_bytes >= self.bytes_per_s * elapsed_s

    def next_look_s(self, left_s: float) -> float:
        """Return when to look again, in seconds: progress is noticed, and an end not missed."""
        return left_s if self.is_fixed else min(left_s, self.limit_s / _LOOKS_PER_LIMIT)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a streaming session has on its hands."""

    client_blocked: bool
    """Bytes wait for the client to read."""
    backend_blocked: bool
    """Bytes wait for the backend to read."""
    request_open: bool
    """The request body is not complete."""
    response_begun: bool
    """The response head has been passed on."""
    queue_s: float = QUEUE_TIMEOUT_S
    """For how long it may wait for a place at its pool."""


def patience(state: State, limits: Limits, waiting: Waiting) -> Patience:
    """Return what a session in `state` is waiting for."""
    match state.shown:
        case SessionState.READING_PROXY_HEADER | SessionState.READING_HEAD | SessionState.ROUTING:
            return _head(state, limits)
        case SessionState.IDLE:
            return _idle(limits, waiting)
        case SessionState.QUEUED | SessionState.CONNECTING:
            return _seeking(state, limits, waiting)
        case SessionState.TUNNEL:
            return Patience(limits.tunnel_idle_s, CloseReason.IDLE_TIMEOUT, "no byte passed")
        case SessionState.STREAMING:
            return _streaming(limits, waiting)
        case SessionState.CLOSING:
            return Patience(limits.linger_idle_s, CloseReason.FINISHED, "the client did not end")
        case SessionState.DRAINING | SessionState.CLOSED:
            return _reading(limits)


def _idle(limits: Limits, waiting: Waiting) -> Patience:
    if waiting.client_blocked:
        # It still takes what it has asked for: only then it is idle.
        return _reading(limits)
    return _fixed(limits.keep_alive_idle_s, CloseReason.IDLE_TIMEOUT, "nothing was asked")


def _reading(limits: Limits) -> Patience:
    rate = limits.client_read_bytes_per_s
    phrase = f"the client took {_less_than(rate, 'byte')}"
    return Patience(
        limits.client_write_idle_s, CloseReason.CLIENT_TIMEOUT, phrase, bytes_per_s=rate
    )


def _less_than(rate: int, what: str) -> str:
    return f"fewer than {rate:,} {what}s a second" if rate else f"no {what}"


def _head(state: State, limits: Limits) -> Patience:
    if state is State.READING_PROXY_HEADER:
        late = CloseReason.BAD_PROXY_HEADER
        return _fixed(limits.proxy_header_s, late, "the client sent no whole PROXY header")
    late = CloseReason.CLIENT_TIMEOUT
    return _fixed(limits.client_head_s, late, "the client sent no whole request head")


def _seeking(state: State, limits: Limits, waiting: Waiting) -> Patience:
    late = CloseReason.BACKEND_TIMEOUT
    if state is State.QUEUED:
        return _fixed(waiting.queue_s, late, "no place at a backend was free")
    return _fixed(limits.connect_s, late, "the backend did not accept a connection")


def _fixed(limit_s: float, reason: CloseReason, phrase: str) -> Patience:
    return Patience(limit_s, reason, phrase, is_fixed=True)


def _streaming(limits: Limits, waiting: Waiting) -> Patience:
    client, backend = CloseReason.CLIENT_TIMEOUT, CloseReason.BACKEND_TIMEOUT
    if waiting.client_blocked:
        return _reading(limits)
    if waiting.response_begun:
        return Patience(limits.response_idle_s, backend, "the backend sent no further byte")
    if waiting.backend_blocked:
        return Patience(limits.response_head_s, backend, "the backend took no byte of the request")
    if waiting.request_open:
        rate = limits.client_body_bytes_per_s
        phrase = f"the client sent {_less_than(rate, 'body byte')}"
        return Patience(limits.client_body_idle_s, client, phrase, bytes_per_s=rate)
    return Patience(limits.response_head_s, backend, "the backend began no response")


def first_looks_s(limits: Limits) -> tuple[float, ...]:
    """Return, by `State.index`, after how many seconds a new state is looked at first.

    Where the allowance depends on what is going on, it is the shortest one: a look too early
    costs a look, and a look too late would let an allowance be exceeded.
    """
    looks = []
    for state in State:
        cases = [
            patience(state, limits, Waiting(client, backend, request, response, TIMER_TICK_S))
            for client in (False, True)
            for backend in (False, True)
            for request in (False, True)
            for response in (False, True)
        ]
        looks.append(min(case.next_look_s(case.limit_s) for case in cases))
    return tuple(looks)
