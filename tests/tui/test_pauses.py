"""Who blocks whom: the tree, its order, what folds, and the way to a session."""

from rsp.core.listener_rows import ListenerRow
from rsp.core.pause_tree import Pauses, PauseTree
from rsp.tui.model.pause_lines import PAUSE_COLUMNS, pause_lines
from rsp.tui.screens.detail import DetailScreen
from tests.tui import canned
from tests.tui.stage import hand, hand_seconds, screen_text, shows, still_dashboard, wait_until


def test_the_groups_are_by_cause_and_by_address_the_biggest_first() -> None:
    groups = canned.pauses().pauses
    assert [(group.cause, group.holder, group.sessions) for group in groups] == [
        ("accept", "listener 127.0.0.1:8443", 0),
        ("peer_not_reading", "client 203.0.113.9", 8),
        ("operator", "a person", 1),
        ("connecting", "web/web1", 1),
    ]
    held_bytes = 8 * (65_536 + 2_621_440)
    assert groups[1].held_bytes == held_bytes
    assert groups[1].sentence == (
        "client 203.0.113.9 not reading: 8 sessions, 20.5 MiB held, "
        "8 backend connections of web1, web2 not read"
    )
    assert groups[1].since_s == groups[1].held_up[0].since_s == 51.2
    assert groups[0].sentence.endswith(" lets nobody in: full; 100 of 100 connections inside")


def test_a_moment_is_no_pause_unless_a_person_made_it() -> None:
    tree = PauseTree()
    quick = canned.paused_by(1, "connecting", "fd 9 (web1) has not accepted our connection")
    by_hand = canned.paused_by(2, "operator", "a person paused it")
    for row in (quick, by_hand, canned.session(3)):
        if row.client.pause is not None:
            row.client.pause.since_s = 0.05
        tree.add(row)
    assert [leaf.session for group in tree.groups() for leaf in group.held_up] == [2]


def test_more_backends_than_can_be_read_are_counted() -> None:
    tree = PauseTree()
    for number in range(1, 7):
        row = canned.slow_reader(number)
        assert row.route is not None
        row.route.backend = f"web{number}"
        tree.add(row)
    (group,) = tree.groups()
    assert group.not_read == "6 backend connections of web1, web2, web3, web4 and 2 more"


def test_a_side_that_takes_less_without_standing_still_has_no_cause_yet() -> None:
    tree, row = PauseTree(), canned.slow_reader(41)
    row.client.stall = None
    tree.add(row)
    (group,) = tree.groups()
    assert group.cause == "sink_full"
    assert group.sentence.startswith("client 203.0.113.9 takes less than comes: 1 session, ")


def test_listeners_that_let_everybody_in_are_not_listed() -> None:
    assert PauseTree().groups([ListenerRow("127.0.0.1:80", "http")]) == []


def test_below_what_is_folded_stands_nothing() -> None:
    groups = canned.pauses().pauses
    lines = pause_lines(groups, ())
    assert [line.depth for line in lines] == [0, 1, 0, 1, *[2] * 8, 0, 1, 2, 0, 1, 2]
    assert len({line.key for line in lines}) == len(lines)
    folded = pause_lines(groups, {"peer_not_reading", ("operator", "a person")})
    assert [line.depth for line in folded] == [0, 1, 0, 0, 1, 0, 1, 2]
    assert [line.is_folded for line in folded[2:5]] == [True, False, True]


def test_each_cell_is_as_wide_as_its_column() -> None:
    for line in pause_lines(canned.pauses().pauses, ()):
        cell = PAUSE_COLUMNS[0].cell(line, 30)
        assert isinstance(cell, tuple)
        assert not isinstance(cell, str)
        assert sum(len(span.text) for span in cell if not isinstance(span, str)) == 30


async def test_enter_folds_a_holder_and_opens_a_session() -> None:
    app = still_dashboard()
    async with app.run_test(size=(120, 35)) as pilot:
        hand_seconds(app, 2)
        await pilot.press("b")
        await pilot.pause()
        hand(app, Pauses([]))
        await shows(pilot, app, "The engine lets everybody in.")
        hand(app, canned.pauses())
        await shows(pilot, app, "fd 107 (web2) not read for 51.2 s because fd 106 (client)")
        await pilot.press("j", "j", "j", "enter")
        await wait_until(pilot, lambda: "fd 107 (web2)" not in screen_text(app))
        await pilot.press("enter")
        await shows(pilot, app, "fd 107 (web2)")
        await pilot.press("j", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen))
        assert isinstance(app.screen, DetailScreen)
        assert app.screen.session_id == 48
