"""What the kernel says about a socket, and what is said when it says nothing."""

import socket

from rsp.engine.kernel import queues, tcp_info
from tests.conftest import Pairs, wait_until

Pair = tuple[socket.socket, socket.socket]


async def test_the_queues_hold_what_the_peer_has_not_read(pairs: Pairs) -> None:
    near, far = pairs.tcp()
    assert queues(near) == (0, 0)
    far.send(b"hello")
    await wait_until(lambda: queues(near) == (0, 5))
    near.recv(2)
    assert queues(near) == (0, 3)


async def test_what_cannot_leave_stands_in_the_send_queue(pairs: Pairs) -> None:
    near, far = pairs.tcp()
    taken = 0
    try:
        while True:
            taken += near.send(bytes(65536))
    except BlockingIOError:
        pass
    await wait_until(lambda: (queues(far)[1] or 0) > 0)
    sent, unread = queues(near)[0], queues(far)[1]
    assert sent is not None
    assert unread is not None
    assert sent > 0
    assert sent + unread >= taken


def test_tcp_info_names_its_units(tcp_socketpair: Pair) -> None:
    near, far = tcp_socketpair
    far.send(b"hello")
    info = tcp_info(near)
    assert info["state"] == 1, "TCP_ESTABLISHED"
    assert {"rtt_us", "snd_cwnd", "snd_mss", "total_retrans", "notsent_bytes"} <= set(info)
    assert info["snd_mss"] > 0
    assert info["snd_cwnd"] > 0
    assert info["total_retrans"] == 0
    assert info["notsent_bytes"] == 0
    assert all(type(value) is int and value >= 0 for value in info.values())


def test_tcp_info_counts_what_waits_to_be_sent(pairs: Pairs) -> None:
    near, _ = pairs.tcp()
    try:
        while True:
            near.send(bytes(65536))
    except BlockingIOError:
        pass
    assert tcp_info(near)["notsent_bytes"] > 0


def test_a_closed_socket_has_nothing_to_say(pairs: Pairs) -> None:
    near, _ = pairs.tcp()
    near.close()
    assert queues(near) == (None, None)
    assert tcp_info(near) == {}


def test_a_socket_that_is_not_tcp_has_no_tcp_info(pairs: Pairs) -> None:
    near, _ = pairs.tiny()
    assert tcp_info(near) == {}
