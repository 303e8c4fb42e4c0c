"""The ring of decisions: what each was made for comes back whole, within a counted room."""

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.limits import DECISIONS_KEPT
from rsp.core.lua_limits import SHOWN_TARGET_BYTES
from rsp.core.route import RouteRequest
from rsp.core.routing import RouteDecision
from rsp.engine.decisions import DecisionRing

DECISION = RouteDecision(None, None, None, "", 1)


def request(target: bytes, block: bytes) -> RouteRequest:
    return RouteRequest(
        "GET", "", "", "a.test", "A.test", [], "10.0.0.1", "127.0.0.1:80", target, block
    )


def recorded(ring: DecisionRing, *requests: RouteRequest) -> list[tuple[bytes, bytes]]:
    for each in requests:
        ring.record(1, 0.0, each, DECISION)
    records, _ = ring.since(0)
    return [(found.target, found.block) for found in ring.inputs(records)]


BLOCKS = [b"Host: a\r\n\r\n", b"Host: b\r\nCookie: x\r\n\r\n", b""]
TARGETS = [b"/", b"/long?" + b"q" * SHOWN_TARGET_BYTES, b"/a?b=c"]


@given(st.lists(st.tuples(st.sampled_from(TARGETS), st.sampled_from(BLOCKS)), max_size=30))
def test_what_was_asked_comes_back_whole_and_in_order(
    asked: list[tuple[bytes, bytes]],
) -> None:
    ring = DecisionRing()
    assert recorded(ring, *(request(*each) for each in asked)) == asked


def test_the_row_of_a_long_target_is_short() -> None:
    ring = DecisionRing()
    recorded(ring, request(b"/" + b"x" * 9_000, b""))
    ((_, decided),), _ = ring.since(0)
    assert len(decided.target) == SHOWN_TARGET_BYTES


def test_the_oldest_go_when_the_room_is_used_up_and_only_those() -> None:
    ring = DecisionRing(most_bytes=10_000)
    blocks = [b"Host: a%d\r\n" % number + b"x" * 1_000 for number in range(30)]
    found = recorded(ring, *(request(b"/", block) for block in blocks))
    assert ring.held_bytes <= 10_000
    assert [block for _, block in found] == blocks[-len(found) :]
    assert 5 < len(found) < 10
    assert ring.recorded == 30


def test_clients_that_take_turns_share_what_is_the_same() -> None:
    ring = DecisionRing()
    blocks = [b"Host: a\r\n" + b"x" * 5_000, b"Host: b\r\n" + b"x" * 5_000]
    for number in range(3_000):
        ring.record(1, 0.0, request(b"/", blocks[number % 2]), DECISION)
    assert ring.held_bytes < 1_000_000


def test_what_is_counted_goes_with_its_decisions() -> None:
    ring = DecisionRing()
    for number in range(DECISIONS_KEPT):
        ring.record(1, 0.0, request(b"/", b"%d" % number), DECISION)
    full = ring.held_bytes
    for number in range(DECISIONS_KEPT):
        ring.record(1, 0.0, request(b"/", b"%d" % (number % 10_000)), DECISION)
    assert ring.held_bytes <= full
    for _ in range(DECISIONS_KEPT + 1):
        ring.record(1, 0.0, request(b"/", BLOCKS[0]), DECISION)
    ring.record(1, 0.0, request(b"/", BLOCKS[1]), DECISION)
    assert ring.held_bytes < 1_000
