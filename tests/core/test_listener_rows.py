"""What is said of clients that wait to be accepted."""

import pytest

from rsp.core.listener_rows import ListenerRow, crowd_sentence


def row(
    queue: int | None, backlog: int | None = 511, paused_by: tuple[str, ...] = ()
) -> ListenerRow:
    return ListenerRow(
        "127.0.0.1:80",
        "http",
        paused_by=list(paused_by),
        accept_queue=queue,
        accept_backlog=backlog,
    )


@pytest.mark.parametrize(("queue", "backlog"), [(0, 511), (511, 511), (None, None)])
def test_nothing_is_said_while_everybody_finds_a_place(
    queue: int | None, backlog: int | None
) -> None:
    assert crowd_sentence(row(queue, backlog), 0) is None


def test_a_full_queue_is_said_with_what_was_dropped_and_why_nobody_is_accepted() -> None:
    assert crowd_sentence(row(512), 0) == (
        "accept queue of 127.0.0.1:80 full (512 of 511): not the backends' doing"
    )
    assert crowd_sentence(row(512, paused_by=("full", "moon")), 2080) == (
        "accept queue of 127.0.0.1:80 full (512 of 511), the kernel dropped 2,080 tries to "
        "connect: not the backends' doing; it has as many connections as it may "
        "(max_connections); moon"
    )


def test_what_was_dropped_is_said_for_a_while_when_the_queue_has_room_again() -> None:
    assert crowd_sentence(row(0), 1) == (
        "accept queue of 127.0.0.1:80 not full any more (0 of 511), the kernel dropped 1 try to "
        "connect: not the backends' doing"
    )
