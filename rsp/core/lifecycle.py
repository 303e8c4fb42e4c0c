"""THE SESSION TABLE: (state, what happened) -> (state, what to do).

Half-close, drain and who closes whom are decided here and nowhere else. Bytes are not: they pass
without a look at this table, which is consulted a handful of times per exchange. A pair that is
not in the table cannot happen; meeting one is a bug of ours, and costs that session alone.

How a session ends. Whatever is unsent goes out first, with a close marker behind it: that is
DRAINING. When the last byte has left us the session is CLOSING: in HTTP it lingers until the
client has said FIN as well, for closing a socket with unread bytes destroys the tail of what was
sent (RFC 9112, section 9.6). `EXPIRED` and `ABORTED` cut through all of that; only where lingering
alone has taken too long nothing is reset, for the kernel may still be sending what it took.

The tunnel rows serve `mode = "tcp"` and upgraded connections alike.
"""

from enum import Enum, StrEnum

from rsp.core.vocabulary import SessionState, Side


class Fact(StrEnum):
    """What can happen to a session."""

    ANNOUNCED = "the PROXY header is complete; a request head follows"
    ANNOUNCED_RELAY = "the PROXY header is complete; a backend has to be connected to"
    HEAD_STARTED = "the first byte of a request came"
    HEAD_READ = "a request head is complete and valid"
    QUEUED = "all backends that could take it are full; it waits for a place"
    CALLED = "it need not wait for a place any longer, or may not"
    ROUTED = "a backend was picked; it has to be connected to"
    REUSED = "a backend was picked; a connection to it was idle"
    CONNECTED = "the backend accepted"
    TUNNELLED = "the backend accepted; bytes pass as they come"
    RETRIED = "the backend failed before it could matter; another connection is made"
    UPGRADED = "the backend agreed to switch protocols"
    ANSWERED = "a reply of our own is the last thing the client gets"
    EXCHANGE_KEPT = "the exchange is complete, and the client connection stays"
    EXCHANGE_LAST = "the exchange is complete, and the client connection goes"
    EXCHANGE_ENDED = "the exchange is complete, and the client said that it sends no other"
    CUT = "the backend ended inside a response, and its framing shows it"
    CUT_UNMARKED = "the backend ended inside a response that nothing but its end delimits"
    CLIENT_EOF = "the client will send no more"
    BACKEND_EOF = "the backend will send no more"
    CLIENT_GONE = "the client is gone: reset, or left inside a message"
    BACKEND_GONE = "the backend is gone: reset"
    UNREACHABLE = "no backend of a tcp listener could be connected to"
    ALL_SENT = "nothing is unsent on either side any more"
    ALL_ENDED = "nothing is unsent any more, and the client has ended as well"
    ORDERED = "a person, or the end of the engine, closes it gently"
    EXPIRED = "it took too long to end"
    ABORTED = "a person resets it, or we failed"

    __hash__ = str.__hash__  # an Enum's own is written in Python, and each look-up needs it


class Action(StrEnum):
    """What the session does about it, in the order of the table."""

    SHUT_CLIENT = "FIN to the client, behind what is unsent"
    SHUT_BACKEND = "FIN to the backend, behind what is unsent"
    LINGER_CLIENT = "FIN to the client behind what is unsent, then read until it ends too"
    END_CLIENT = "close the client connection, behind what is unsent"
    CLOSE_CLIENT = "close the client connection"
    END_BACKEND = "close the backend connection, behind what is unsent"
    CLOSE_BACKEND = "close the backend connection"
    CUT_CLIENT = "RST to the client, behind what is unsent: what it has is not complete"
    CUT_BACKEND = "RST to the backend, behind what is unsent"
    RESET_CLIENT = "RST to the client at once"
    RESET_BACKEND = "RST to the backend at once"
    LEAVE_QUEUE = "give up its place in the queue"

    __hash__ = str.__hash__


Row = tuple["State", tuple[Action, ...]]

_ENDS = (SessionState.DRAINING, SessionState.CLOSING, SessionState.CLOSED)


class State(Enum):
    """What a session is doing: the state that its row shows, and which side has finished."""

    READING_PROXY_HEADER = (SessionState.READING_PROXY_HEADER, None)
    READING_HEAD = (SessionState.READING_HEAD, None)
    ROUTING = (SessionState.ROUTING, None)
    QUEUED = (SessionState.QUEUED, None)
    CONNECTING = (SessionState.CONNECTING, None)
    CONNECTING_CLIENT_FINISHED = (SessionState.CONNECTING, Side.CLIENT)
    STREAMING = (SessionState.STREAMING, None)
    STREAMING_CLIENT_FINISHED = (SessionState.STREAMING, Side.CLIENT)
    IDLE = (SessionState.IDLE, None)
    TUNNEL = (SessionState.TUNNEL, None)
    TUNNEL_CLIENT_FINISHED = (SessionState.TUNNEL, Side.CLIENT)
    TUNNEL_BACKEND_FINISHED = (SessionState.TUNNEL, Side.BACKEND)
    DRAINING = (SessionState.DRAINING, None)
    CLOSING = (SessionState.CLOSING, None)
    CLOSED = (SessionState.CLOSED, None)

    def __init__(self, shown: SessionState, half_closed: Side | None) -> None:
        self.shown = shown
        self.half_closed = half_closed
        self.index = len(type(self).__members__)
        self.is_over = shown is SessionState.CLOSED
        self.is_tunnel = shown is SessionState.TUNNEL
        self.is_connecting = shown is SessionState.CONNECTING
        self.is_passing = shown is SessionState.ROUTING
        """Whether it is over before anybody else has a turn: nobody waits in it."""
        self.is_ending = shown in _ENDS
        """Whether nothing that still arrives matters any more."""
        self.rows: dict[Fact, Row] = {}
        """Its part of the table: looked up thrice per exchange, and an Enum hashes slowly."""


A, F, S = Action, Fact, State
_ANNOUNCEMENT: dict[tuple[State, Fact], Row] = {
    (S.READING_PROXY_HEADER, F.ANNOUNCED): (S.READING_HEAD, ()),
    (S.READING_PROXY_HEADER, F.ANNOUNCED_RELAY): (S.CONNECTING, ()),
    (S.READING_PROXY_HEADER, F.CLIENT_EOF): (S.CLOSED, (A.CLOSE_CLIENT,)),
    (S.READING_PROXY_HEADER, F.CLIENT_GONE): (S.CLOSED, (A.CLOSE_CLIENT,)),
    (S.READING_PROXY_HEADER, F.ORDERED): (S.CLOSED, (A.CLOSE_CLIENT,)),
}

_EXCHANGE: dict[tuple[State, Fact], Row] = {
    (S.READING_HEAD, F.HEAD_READ): (S.ROUTING, ()),
    (S.READING_HEAD, F.CLIENT_EOF): (S.DRAINING, (A.END_CLIENT,)),
    (S.ROUTING, F.ROUTED): (S.CONNECTING, ()),
    (S.ROUTING, F.REUSED): (S.STREAMING, ()),
    (S.CONNECTING, F.CONNECTED): (S.STREAMING, ()),
    (S.CONNECTING, F.TUNNELLED): (S.TUNNEL, ()),
    (S.CONNECTING, F.RETRIED): (S.CONNECTING, ()),
    (S.CONNECTING, F.CLIENT_EOF): (S.CONNECTING_CLIENT_FINISHED, ()),
    (S.CONNECTING, F.UNREACHABLE): (S.CLOSED, (A.RESET_CLIENT,)),
    (S.CONNECTING_CLIENT_FINISHED, F.CONNECTED): (S.STREAMING_CLIENT_FINISHED, ()),
    (S.CONNECTING_CLIENT_FINISHED, F.TUNNELLED): (S.TUNNEL_CLIENT_FINISHED, (A.SHUT_BACKEND,)),
    (S.CONNECTING_CLIENT_FINISHED, F.RETRIED): (S.CONNECTING_CLIENT_FINISHED, ()),
    (S.CONNECTING_CLIENT_FINISHED, F.UNREACHABLE): (S.CLOSED, (A.RESET_CLIENT,)),
    (S.STREAMING, F.RETRIED): (S.CONNECTING, ()),
    (S.STREAMING, F.EXCHANGE_KEPT): (S.IDLE, ()),
    (S.STREAMING, F.UPGRADED): (S.TUNNEL, ()),
    (S.STREAMING, F.CLIENT_EOF): (S.STREAMING_CLIENT_FINISHED, ()),
    (S.STREAMING_CLIENT_FINISHED, F.RETRIED): (S.CONNECTING_CLIENT_FINISHED, ()),
    (S.STREAMING_CLIENT_FINISHED, F.UPGRADED): (S.TUNNEL_CLIENT_FINISHED, (A.SHUT_BACKEND,)),
    (S.IDLE, F.HEAD_STARTED): (S.READING_HEAD, ()),
    (S.IDLE, F.HEAD_READ): (S.ROUTING, ()),
    (S.IDLE, F.CLIENT_EOF): (S.DRAINING, (A.END_CLIENT,)),
    (S.IDLE, F.CLIENT_GONE): (S.CLOSED, (A.CLOSE_CLIENT,)),
    (S.IDLE, F.ORDERED): (S.DRAINING, (A.LINGER_CLIENT,)),
    (S.IDLE, F.ANSWERED): (S.DRAINING, (A.LINGER_CLIENT,)),
    (S.READING_HEAD, F.ANSWERED): (S.DRAINING, (A.LINGER_CLIENT,)),
    (S.READING_HEAD, F.CLIENT_GONE): (S.CLOSED, (A.CLOSE_CLIENT,)),
    (S.READING_HEAD, F.ORDERED): (S.DRAINING, (A.LINGER_CLIENT,)),
    (S.ROUTING, F.ANSWERED): (S.DRAINING, (A.LINGER_CLIENT,)),
}

_QUEUE: dict[tuple[State, Fact], Row] = {
    (S.ROUTING, F.QUEUED): (S.QUEUED, ()),
    (S.CONNECTING, F.QUEUED): (S.QUEUED, ()),
    (S.QUEUED, F.CALLED): (S.ROUTING, ()),
    (S.QUEUED, F.CLIENT_GONE): (S.CLOSED, (A.CLOSE_CLIENT,)),
    (S.QUEUED, F.ORDERED): (S.DRAINING, (A.LEAVE_QUEUE, A.LINGER_CLIENT)),
    (S.ROUTING, F.UNREACHABLE): (S.CLOSED, (A.RESET_CLIENT,)),
}

_STREAMS = (S.STREAMING, S.STREAMING_CLIENT_FINISHED)
_WITH_RESPONSE: dict[Fact, Row] = {
    F.EXCHANGE_LAST: (S.DRAINING, (A.LINGER_CLIENT,)),
    F.EXCHANGE_ENDED: (S.DRAINING, (A.END_CLIENT,)),
    F.CUT: (S.DRAINING, (A.LINGER_CLIENT, A.CLOSE_BACKEND)),
    F.CUT_UNMARKED: (S.DRAINING, (A.CUT_CLIENT, A.CLOSE_BACKEND)),
}
_BUSY = (S.CONNECTING, S.CONNECTING_CLIENT_FINISHED, *_STREAMS)
_WITH_BACKEND: dict[Fact, Row] = {
    F.ANSWERED: (S.DRAINING, (A.LINGER_CLIENT, A.CLOSE_BACKEND)),
    F.CLIENT_GONE: (S.CLOSED, (A.CLOSE_CLIENT, A.RESET_BACKEND)),
    F.ORDERED: (S.DRAINING, (A.LINGER_CLIENT, A.CLOSE_BACKEND)),
}

_TUNNEL: dict[tuple[State, Fact], Row] = {
    (S.TUNNEL, F.CLIENT_EOF): (S.TUNNEL_CLIENT_FINISHED, (A.SHUT_BACKEND,)),
    (S.TUNNEL, F.BACKEND_EOF): (S.TUNNEL_BACKEND_FINISHED, (A.SHUT_CLIENT,)),
    (S.TUNNEL_CLIENT_FINISHED, F.BACKEND_EOF): (S.DRAINING, (A.END_CLIENT,)),
    (S.TUNNEL_BACKEND_FINISHED, F.CLIENT_EOF): (S.DRAINING, (A.END_BACKEND,)),
}
_TUNNELS = (S.TUNNEL, S.TUNNEL_CLIENT_FINISHED, S.TUNNEL_BACKEND_FINISHED)
_ANY_TUNNEL: dict[Fact, Row] = {
    F.CLIENT_GONE: (S.DRAINING, (A.CLOSE_CLIENT, A.CUT_BACKEND)),
    F.BACKEND_GONE: (S.DRAINING, (A.CUT_CLIENT, A.CLOSE_BACKEND)),
    F.ORDERED: (S.DRAINING, (A.LINGER_CLIENT, A.SHUT_BACKEND)),
}

_ENDING: dict[tuple[State, Fact], Row] = {
    (S.DRAINING, F.ALL_SENT): (S.CLOSING, ()),
    (S.DRAINING, F.ALL_ENDED): (S.CLOSED, (A.CLOSE_CLIENT, A.CLOSE_BACKEND)),
    (S.DRAINING, F.CLIENT_EOF): (S.DRAINING, ()),
    (S.DRAINING, F.BACKEND_EOF): (S.DRAINING, ()),
    (S.DRAINING, F.CLIENT_GONE): (S.CLOSED, (A.CLOSE_CLIENT, A.CLOSE_BACKEND)),
    (S.DRAINING, F.BACKEND_GONE): (S.DRAINING, (A.CLOSE_BACKEND,)),
    (S.DRAINING, F.ORDERED): (S.DRAINING, ()),
    (S.CLOSING, F.CLIENT_EOF): (S.CLOSED, (A.CLOSE_CLIENT, A.CLOSE_BACKEND)),
    (S.CLOSING, F.CLIENT_GONE): (S.CLOSED, (A.CLOSE_CLIENT, A.CLOSE_BACKEND)),
    (S.CLOSING, F.BACKEND_EOF): (S.CLOSING, ()),
    (S.CLOSING, F.BACKEND_GONE): (S.CLOSING, (A.CLOSE_BACKEND,)),
    (S.CLOSING, F.ORDERED): (S.CLOSING, ()),
}

_ALWAYS: dict[Fact, Row] = {
    F.EXPIRED: (S.CLOSED, (A.RESET_CLIENT, A.RESET_BACKEND)),
    F.ABORTED: (S.CLOSED, (A.RESET_CLIENT, A.RESET_BACKEND)),
}
_LINGERED: dict[tuple[State, Fact], Row] = {
    (S.CLOSING, F.EXPIRED): (S.CLOSED, (A.CLOSE_CLIENT, A.CLOSE_BACKEND)),
}

TABLE: dict[tuple[State, Fact], Row] = {
    **_ANNOUNCEMENT,
    **_EXCHANGE,
    **_QUEUE,
    **{(state, fact): row for state in _STREAMS for fact, row in _WITH_RESPONSE.items()},
    **{(state, fact): row for state in _BUSY for fact, row in _WITH_BACKEND.items()},
    **_TUNNEL,
    **{(state, fact): row for state in _TUNNELS for fact, row in _ANY_TUNNEL.items()},
    **_ENDING,
    **{(s, fact): row for s in State if s is not S.CLOSED for fact, row in _ALWAYS.items()},
    **_LINGERED,
}
for (_state, _fact), _row in TABLE.items():
    _state.rows[_fact] = _row


def diagram() -> str:
    """Return the table as the text that ARCHITECTURE.md shows: one line for each transition."""
    width = max(len(state.name) for state in State)
    fact_width = max(len(fact.name) for fact in Fact)
    lines: list[str] = []
    for state in State:
        rows = [(fact, *TABLE[state, fact]) for fact in Fact if (state, fact) in TABLE]
        for fact, target, actions in rows:
            todo = ", ".join(action.name for action in actions)
            lines.append(
                f"{state.name:<{width}}  {fact.name:<{fact_width}} -> "
                f"{target.name:<{width}}  {todo}".rstrip()
            )
    return "\n".join(lines)
