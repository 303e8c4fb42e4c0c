"""Whatever is lost on the way, the books name the first byte that is not what it should be."""

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.faults.audit import Audit
from rsp.core.lab_limits import AUDIT_BYTES

Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["came", "left", "lost"]), st.integers(1, 40)))
# Few different bytes, so that what is lost often looks like what comes behind it.
BYTES = st.binary(min_size=200, max_size=400).map(lambda raw: bytes(each % 3 for each in raw))


def first_difference(came: bytes, left: bytes) -> int:
    """Return where `left`, which is shorter, is no longer what came."""
    return next((at for at, byte in enumerate(left) if came[at] != byte), len(left))


def play(audit: Audit, stream: bytes, steps: list[Step]) -> tuple[bytes, bytes]:
    """Let bytes come, leave and be lost; return what came and what left."""
    came = left = waiting = b""
    for what, count in steps:
        if what == "came":
            piece, stream = stream[:count], stream[count:]
            audit.came(piece)
            came += piece
            waiting += piece
            continue
        piece, waiting = waiting[:count], waiting[count:]
        if what == "left":
            audit.left(memoryview(piece))
            left += piece
        else:
            audit.lost(piece, waiting)
    audit.left(memoryview(waiting))
    return came, left + waiting


@given(BYTES, STEPS)
def test_the_first_difference_is_found_to_the_byte(stream: bytes, steps: list[Step]) -> None:
    audit = Audit(0)
    came, left = play(audit, stream, steps)
    assert audit.lost_bytes == len(came) - len(left)
    assert audit.first_divergence() == (first_difference(came, left) if came != left else None)


@given(BYTES, st.lists(st.integers(1, 40), min_size=1), st.integers(0, 100), st.data())
def test_what_is_lost_as_it_comes(
    stream: bytes, cuts: list[int], began: int, data: st.DataObject
) -> None:
    audit = Audit(began)
    left = b""
    at = 0
    for cut in cuts:
        piece = stream[at : at + cut]
        at += len(piece)
        audit.came(piece)
        taken = data.draw(st.integers(0, len(piece)))
        audit.left(memoryview(piece[:taken]))
        audit.lost(piece[taken:])
        left += piece[:taken]
    came = stream[:at]
    assert audit.first_divergence() == (
        began + first_difference(came, left) if came != left else None
    )


@given(BYTES, st.lists(st.integers(1, 40), min_size=1), st.data())
def test_a_byte_that_changes_unnoticed_is_found_to_the_read(
    stream: bytes, cuts: list[int], data: st.DataObject
) -> None:
    audit = Audit(0)
    ends = [0]
    for cut in cuts:
        piece = stream[ends[-1] : ends[-1] + cut]
        audit.came(piece)
        ends.append(ends[-1] + len(piece))
    broken = bytearray(stream[: ends[-1]])
    at = data.draw(st.integers(0, len(broken) - 1))
    broken[at] ^= 0xFF
    view = memoryview(bytes(broken))
    while view:
        count = data.draw(st.integers(1, 60))
        audit.left(view[:count])
        view = view[count:]
    assert audit.first_divergence() == max(end for end in ends if end <= at)


def test_a_loss_that_looks_like_what_follows_for_too_long_is_where_it_began() -> None:
    audit = Audit(0)
    megabytes = bytes(3 << 20)
    audit.came(b"begin" + megabytes)
    audit.left(memoryview(b"begin"))
    audit.lost(megabytes)
    audit.came(megabytes)
    audit.left(memoryview(megabytes))
    assert audit.first_divergence() == len(b"begin")


def test_a_loss_longer_than_what_is_kept_is_found_to_the_byte() -> None:
    lost, after = b"same" + b"a" * AUDIT_BYTES, b"same" + b"b" * 10
    audit = Audit(0)
    audit.came(lost)
    audit.lost(lost)
    audit.came(after)
    audit.left(after)
    assert audit.first_divergence() == 4
