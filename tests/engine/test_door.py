"""Who may come in by a listener: so many in all, and so many of each client."""

import pytest

from rsp.core.limits import REFUSALS_TOLD
from rsp.engine.door import Door, client_of


def enter(door: Door, session: int, client_ip: str = "10.0.0.1") -> None:
    door.live += 1
    door.count(session, client_ip)


def leave(door: Door, session: int) -> None:
    """Do what a session does when it ends."""
    door.live -= 1
    if door.is_watched:
        door.on_left(session)


def test_a_door_that_was_full_calls_once_when_somebody_leaves() -> None:
    called: list[int] = []
    door = Door(lambda: called.append(1))
    door.limit(2, 0)
    door.live = 2
    assert door.is_full
    door.await_room()
    leave(door, 1)
    leave(door, 2)
    assert called == [1]
    assert not door.is_watched, "the end of a session costs a look at it again"


def test_a_door_whose_limit_was_lowered_stays_shut_until_enough_have_left() -> None:
    called: list[int] = []
    door = Door(lambda: called.append(1))
    door.limit(3, 0)
    door.live = 3
    door.await_room()
    door.limit(2, 0)
    leave(door, 1)
    assert called == []
    leave(door, 2)
    assert called == [1]


def test_a_limit_that_is_raised_lets_those_in_who_wait() -> None:
    called: list[int] = []
    door = Door(lambda: called.append(1))
    door.limit(1, 0)
    door.live = 1
    door.await_room()
    door.limit(2, 0)
    assert called == [1]


def test_each_client_is_counted_apart() -> None:
    door = Door()
    door.limit(100, 2)
    enter(door, 1)
    assert not door.has_all("10.0.0.1")
    enter(door, 2)
    assert door.has_all("10.0.0.1")
    assert not door.has_all("10.0.0.2")
    assert door.refused == 1
    leave(door, 1)
    assert not door.has_all("10.0.0.1")


def test_sessions_from_before_the_limit_do_no_harm_when_they_leave() -> None:
    door = Door()
    door.live = 1
    door.limit(100, 1)
    enter(door, 2)
    leave(door, 1)
    assert door.has_all("10.0.0.1")
    door.limit(100, 0)
    leave(door, 2)
    door.limit(100, 1)
    assert not door.has_all("10.0.0.1"), "a count that outlived its session"


def test_only_so_many_refused_clients_are_told_at_once() -> None:
    door = Door()
    for session in range(REFUSALS_TOLD):
        assert door.may_tell
        door.tell(session)
    assert not door.may_tell
    door.live = 1
    door.limit(10, 1)
    leave(door, 0)
    assert door.may_tell


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%lo", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_one_client_is_an_address_or_the_network_that_ipv6_gives_to_one(
    address: str, client: str
) -> None:
    assert client_of(address) == client
