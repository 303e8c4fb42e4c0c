"""The session table: whole, reachable, always ending; and typical lives as scripts."""

from itertools import product

import pytest

from rsp.core.lifecycle import TABLE, Action, Fact, State, diagram
from rsp.core.vocabulary import SessionState, Side

A, F, S = Action, Fact, State

ENDING = (S.DRAINING, S.CLOSING)
TUNNELS = (S.TUNNEL, S.TUNNEL_CLIENT_FINISHED, S.TUNNEL_BACKEND_FINISHED)
CONNECTING = (S.CONNECTING, S.CONNECTING_CLIENT_FINISHED)
STREAMING = (S.STREAMING, S.STREAMING_CLIENT_FINISHED)
WITHOUT_BACKEND = (S.READING_PROXY_HEADER, S.READING_HEAD, S.ROUTING, S.QUEUED, S.IDLE)


def all_but(*states: State) -> tuple[State, ...]:
    return tuple(state for state in State if state not in (*states, S.CLOSED))


IMPOSSIBLE: list[tuple[str, tuple[Fact, ...], tuple[State, ...]]] = [
    ("nothing happens to a closed session: `advance` drops it", tuple(Fact), (S.CLOSED,)),
    (
        "an announcement comes before everything else",
        (F.ANNOUNCED, F.ANNOUNCED_RELAY),
        all_but(S.READING_PROXY_HEADER),
    ),
    ("a first byte is news only while idle", (F.HEAD_STARTED,), all_but(S.IDLE)),
    (
        "a head is looked for only between two exchanges",
        (F.HEAD_READ,),
        all_but(S.READING_HEAD, S.IDLE),
    ),
    ("who waits for a place has not ended", (F.QUEUED,), all_but(S.ROUTING, S.CONNECTING)),
    ("only who waits is called", (F.CALLED,), all_but(S.QUEUED)),
    ("who waits is called before all that", (F.ANSWERED, F.CLIENT_EOF), (S.QUEUED,)),
    ("a backend is picked for a head that was just read", (F.ROUTED, F.REUSED), all_but(S.ROUTING)),
    ("only who connects can have connected", (F.CONNECTED, F.TUNNELLED), all_but(*CONNECTING)),
    ("only who seeks can find nobody", (F.UNREACHABLE,), all_but(S.ROUTING, *CONNECTING)),
    (
        "there is something to try again only before the first byte of a response",
        (F.RETRIED,),
        all_but(*CONNECTING, *STREAMING),
    ),
    ("only a response can agree to an upgrade", (F.UPGRADED,), all_but(*STREAMING)),
    (
        "a reply of ours is not sent into bytes that are not HTTP, nor behind an end",
        (F.ANSWERED,),
        (S.READING_PROXY_HEADER, *TUNNELS, *ENDING),
    ),
    ("an exchange ends where its response streams", (F.EXCHANGE_KEPT,), all_but(S.STREAMING)),
    (
        "only a response that streams can end or break off",
        (F.EXCHANGE_LAST, F.EXCHANGE_ENDED, F.CUT, F.CUT_UNMARKED),
        all_but(*STREAMING),
    ),
    (
        "an end is told once",
        (F.CLIENT_EOF,),
        (S.CONNECTING_CLIENT_FINISHED, S.STREAMING_CLIENT_FINISHED, S.TUNNEL_CLIENT_FINISHED),
    ),
    ("an end is told once", (F.BACKEND_EOF,), (S.TUNNEL_BACKEND_FINISHED,)),
    (
        "without a backend, or while it connects, there is nobody to end or to be reset",
        (F.BACKEND_EOF, F.BACKEND_GONE),
        (*WITHOUT_BACKEND, *CONNECTING),
    ),
    (
        "what the end of a backend means for a response is said by CUT and its kin",
        (F.BACKEND_EOF, F.BACKEND_GONE),
        STREAMING,
    ),
    (
        "routing takes no time: nothing is read, and nobody gives an order, in its midst",
        (F.CLIENT_EOF, F.CLIENT_GONE, F.ORDERED),
        (S.ROUTING,),
    ),
    (
        "only a draining session waits for its last byte",
        (F.ALL_SENT, F.ALL_ENDED),
        all_but(S.DRAINING),
    ),
]


def impossible() -> dict[tuple[State, Fact], str]:
    return {
        (state, fact): reason
        for reason, facts, states in IMPOSSIBLE
        for state, fact in product(states, facts)
    }


@pytest.mark.parametrize("state", State)
def test_every_pair_is_in_the_table_or_impossible_for_a_reason(state: State) -> None:
    excluded = impossible()
    for fact in Fact:
        pair = (state, fact)
        assert (pair in TABLE) != (pair in excluded), f"{state.name} and {fact.name}"


def test_the_rows_of_a_state_are_the_table() -> None:
    assert {(state, fact): row for state in State for fact, row in state.rows.items()} == TABLE


def reached_from(*first: State) -> set[State]:
    seen: set[State] = set()
    left = list(first)
    while left:
        state = left.pop()
        if state not in seen:
            seen.add(state)
            left += [target for target, _ in state.rows.values()]
    return seen


def test_every_state_is_reached_from_the_three_that_sessions_begin_in() -> None:
    announced = {S.READING_PROXY_HEADER}
    assert reached_from(S.READING_HEAD, S.CONNECTING) == set(State) - announced
    assert reached_from(S.READING_PROXY_HEADER) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_leads_to_the_end(state: State) -> None:
    assert S.CLOSED in reached_from(state)


def test_an_end_is_never_taken_back() -> None:
    assert reached_from(S.DRAINING) == {S.DRAINING, S.CLOSING, S.CLOSED}
    assert reached_from(S.CLOSING) == {S.CLOSING, S.CLOSED}
    assert S.CLOSED.rows == {}


def test_every_action_and_every_fact_is_used() -> None:
    assert {action for _, actions in TABLE.values() for action in actions} == set(Action)
    assert {fact for _, fact in TABLE} == set(Fact)


@pytest.mark.parametrize("state", [state for state in State if state is not S.CLOSED])
@pytest.mark.parametrize("fact", [F.EXPIRED, F.ABORTED])
def test_time_and_force_end_every_session(state: State, fact: Fact) -> None:
    """By a reset, but where only the client's FIN is waited for: the kernel may be sending."""
    gently = (state, fact) == (S.CLOSING, F.EXPIRED)
    actions = (A.CLOSE_CLIENT, A.CLOSE_BACKEND) if gently else (A.RESET_CLIENT, A.RESET_BACKEND)
    assert TABLE[state, fact] == (S.CLOSED, actions)


def test_a_side_has_finished_only_after_its_end() -> None:
    ends = {Side.CLIENT: F.CLIENT_EOF, Side.BACKEND: F.BACKEND_EOF}
    for (state, fact), (target, _) in TABLE.items():
        side = target.half_closed
        if side is not None and state.half_closed is not side:
            assert fact is ends[side], f"{state.name} and {fact.name} lead to {target.name}"


def test_what_ends_says_so_to_the_client_or_the_client_knows() -> None:
    """No row may leave a client waiting for something that will not come."""
    told = {action for action in Action if action.name.endswith("_CLIENT")}
    for (state, fact), (target, actions) in TABLE.items():
        if target.is_ending and not state.is_ending and state is not S.TUNNEL_BACKEND_FINISHED:
            assert told & set(actions), f"{state.name} and {fact.name}"


def test_states_show_what_they_are() -> None:
    assert {state.shown for state in State} == set(SessionState)
    assert [s.name for s in State if s.is_ending] == ["DRAINING", "CLOSING", "CLOSED"]


# -- lives, read from top to bottom: what happens, the state it leads to, what is done

Step = tuple[Fact, State, tuple[Action, ...]]
GOES = (A.CLOSE_CLIENT, A.CLOSE_BACKEND)

LIVES: dict[str, tuple[State, list[Step]]] = {
    "a proxy announces its client, whose request follows": (
        S.READING_PROXY_HEADER,
        [(F.ANNOUNCED, S.READING_HEAD, ()), (F.HEAD_READ, S.ROUTING, ())],
    ),
    "a proxy announces its client, whose bytes are passed on": (
        S.READING_PROXY_HEADER,
        [(F.ANNOUNCED_RELAY, S.CONNECTING, ()), (F.TUNNELLED, S.TUNNEL, ())],
    ),
    "a proxy looks whether we are there": (
        S.READING_PROXY_HEADER,
        [(F.CLIENT_EOF, S.CLOSED, (A.CLOSE_CLIENT,))],
    ),
    "two requests on one connection, then the client leaves": (
        S.READING_HEAD,
        [
            (F.HEAD_READ, S.ROUTING, ()),
            (F.ROUTED, S.CONNECTING, ()),
            (F.CONNECTED, S.STREAMING, ()),
            (F.EXCHANGE_KEPT, S.IDLE, ()),
            (F.HEAD_STARTED, S.READING_HEAD, ()),
            (F.HEAD_READ, S.ROUTING, ()),
            (F.REUSED, S.STREAMING, ()),
            (F.EXCHANGE_KEPT, S.IDLE, ()),
            # It may still be taking the last response.
            (F.CLIENT_EOF, S.DRAINING, (A.END_CLIENT,)),
        ],
    ),
    "a last request: everything is sent before the close, and the client's end is awaited": (
        S.READING_HEAD,
        [
            (F.HEAD_READ, S.ROUTING, ()),
            (F.REUSED, S.STREAMING, ()),
            (F.EXCHANGE_LAST, S.DRAINING, (A.LINGER_CLIENT,)),
            (F.ALL_SENT, S.CLOSING, ()),
            (F.CLIENT_EOF, S.CLOSED, GOES),
        ],
    ),
    "a client that said it sends no other request: there is no end of its to wait for": (
        S.READING_HEAD,
        [
            (F.HEAD_READ, S.ROUTING, ()),
            (F.REUSED, S.STREAMING, ()),
            (F.EXCHANGE_ENDED, S.DRAINING, (A.END_CLIENT,)),
            (F.ALL_ENDED, S.CLOSED, GOES),
        ],
    ),
    "a client that says FIN behind its request gets the whole response": (
        S.READING_HEAD,
        [
            (F.HEAD_READ, S.ROUTING, ()),
            (F.ROUTED, S.CONNECTING, ()),
            (F.CLIENT_EOF, S.CONNECTING_CLIENT_FINISHED, ()),
            (F.CONNECTED, S.STREAMING_CLIENT_FINISHED, ()),
            (F.EXCHANGE_LAST, S.DRAINING, (A.LINGER_CLIENT,)),
            (F.ALL_ENDED, S.CLOSED, GOES),
        ],
    ),
    "a kept backend connection turns out to be dead, and another is made": (
        S.IDLE,
        [
            (F.HEAD_READ, S.ROUTING, ()),
            (F.REUSED, S.STREAMING, ()),
            (F.RETRIED, S.CONNECTING, ()),
            (F.CONNECTED, S.STREAMING, ()),
            (F.EXCHANGE_KEPT, S.IDLE, ()),
        ],
    ),
    "all backends are full: a place is waited for, and had": (
        S.ROUTING,
        [
            (F.QUEUED, S.QUEUED, ()),
            (F.CALLED, S.ROUTING, ()),
            (F.REUSED, S.STREAMING, ()),
        ],
    ),
    "the first backend refuses, the second accepts": (
        S.ROUTING,
        [
            (F.ROUTED, S.CONNECTING, ()),
            (F.RETRIED, S.CONNECTING, ()),
            (F.CONNECTED, S.STREAMING, ()),
        ],
    ),
    "no backend accepts: the client gets an error of ours": (
        S.ROUTING,
        [
            (F.ROUTED, S.CONNECTING, ()),
            (F.RETRIED, S.CONNECTING, ()),
            (F.ANSWERED, S.DRAINING, (A.LINGER_CLIENT, A.CLOSE_BACKEND)),
            (F.CLIENT_EOF, S.DRAINING, ()),
            (F.ALL_SENT, S.CLOSING, ()),
        ],
    ),
    "a bad head is answered, and what still comes is read": (
        S.READING_HEAD,
        [
            (F.ANSWERED, S.DRAINING, (A.LINGER_CLIENT,)),
            (F.ALL_SENT, S.CLOSING, ()),
            (F.CLIENT_GONE, S.CLOSED, GOES),
        ],
    ),
    "the backend ends inside a response with a length: the missing rest is the sign": (
        S.STREAMING,
        [
            (F.CUT, S.DRAINING, (A.LINGER_CLIENT, A.CLOSE_BACKEND)),
            (F.ALL_SENT, S.CLOSING, ()),
        ],
    ),
    "the backend is reset inside a response without a length: only RST is a sign": (
        S.STREAMING,
        [
            (F.CUT_UNMARKED, S.DRAINING, (A.CUT_CLIENT, A.CLOSE_BACKEND)),
            (F.ALL_ENDED, S.CLOSED, GOES),
        ],
    ),
    "an upgrade, then the client ends first": (
        S.STREAMING,
        [
            (F.UPGRADED, S.TUNNEL, ()),
            (F.CLIENT_EOF, S.TUNNEL_CLIENT_FINISHED, (A.SHUT_BACKEND,)),
            (F.BACKEND_EOF, S.DRAINING, (A.END_CLIENT,)),
            (F.ALL_ENDED, S.CLOSED, GOES),
        ],
    ),
    "a tunnel whose backend ends first": (
        S.CONNECTING,
        [
            (F.TUNNELLED, S.TUNNEL, ()),
            (F.BACKEND_EOF, S.TUNNEL_BACKEND_FINISHED, (A.SHUT_CLIENT,)),
            (F.CLIENT_EOF, S.DRAINING, (A.END_BACKEND,)),
            (F.BACKEND_GONE, S.DRAINING, (A.CLOSE_BACKEND,)),
            (F.ALL_ENDED, S.CLOSED, GOES),
        ],
    ),
    "a client that ended before its tunnel was open": (
        S.CONNECTING,
        [
            (F.CLIENT_EOF, S.CONNECTING_CLIENT_FINISHED, ()),
            (F.RETRIED, S.CONNECTING_CLIENT_FINISHED, ()),
            (F.TUNNELLED, S.TUNNEL_CLIENT_FINISHED, (A.SHUT_BACKEND,)),
            (F.BACKEND_EOF, S.DRAINING, (A.END_CLIENT,)),
        ],
    ),
    "no backend for a tunnel: there are no words, so the client is reset": (
        S.CONNECTING,
        [(F.UNREACHABLE, S.CLOSED, (A.RESET_CLIENT,))],
    ),
    "the client of a tunnel is reset: the backend hears of it behind the data": (
        S.TUNNEL,
        [
            (F.CLIENT_GONE, S.DRAINING, (A.CLOSE_CLIENT, A.CUT_BACKEND)),
            (F.ALL_ENDED, S.CLOSED, GOES),
        ],
    ),
    "a person closes a tunnel gently, and loses patience": (
        S.TUNNEL,
        [
            (F.ORDERED, S.DRAINING, (A.LINGER_CLIENT, A.SHUT_BACKEND)),
            (F.ORDERED, S.DRAINING, ()),
            (F.ABORTED, S.CLOSED, (A.RESET_CLIENT, A.RESET_BACKEND)),
        ],
    ),
    "an idle connection is closed because the engine stops": (
        S.IDLE,
        [
            (F.ORDERED, S.DRAINING, (A.LINGER_CLIENT,)),
            (F.ALL_SENT, S.CLOSING, ()),
            (F.EXPIRED, S.CLOSED, (A.CLOSE_CLIENT, A.CLOSE_BACKEND)),
        ],
    ),
}


@pytest.mark.parametrize("life", LIVES)
def test_lives(life: str) -> None:
    state, steps = LIVES[life]
    told = [f"{life}: {state.name}"]
    for fact, target, actions in steps:
        found = state.rows.get(fact)
        told.append(f"  {fact.name} -> {target.name} {[action.name for action in actions]}")
        assert found == (target, actions), "\n".join([*told, f"  but found {found}"])
        state = target


CLIENT_LEAVES = {
    S.READING_HEAD: (S.CLOSED, (A.CLOSE_CLIENT,)),
    S.IDLE: (S.CLOSED, (A.CLOSE_CLIENT,)),
    **dict.fromkeys((*CONNECTING, *STREAMING), (S.CLOSED, (A.CLOSE_CLIENT, A.RESET_BACKEND))),
    **dict.fromkeys(TUNNELS, (S.DRAINING, (A.CLOSE_CLIENT, A.CUT_BACKEND))),
    **dict.fromkeys(ENDING, (S.CLOSED, GOES)),
}


@pytest.mark.parametrize("state", CLIENT_LEAVES)
def test_a_client_may_vanish_at_any_moment(state: State) -> None:
    assert TABLE[state, F.CLIENT_GONE] == CLIENT_LEAVES[state]


# -- the diagram that the documents show


def test_the_diagram_has_a_line_for_each_transition() -> None:
    lines = [line.split() for line in diagram().splitlines()]
    expected = [
        [state.name, fact.name, "->", target.name, *", ".join(a.name for a in actions).split()]
        for state in State
        for fact in Fact
        for target, actions in [TABLE.get((state, fact), (None, ()))]
        if target is not None
    ]
    assert lines == expected


def test_the_diagram_is_the_same_each_time_and_in_columns() -> None:
    assert diagram() == diagram()
    lines = diagram().splitlines()
    assert {line.index("->") for line in lines} == {lines[0].index("->")}
    assert all(line == line.rstrip() and line.isascii() for line in lines)
