"""What a screen says and does where there is nothing: it is empty for a reason, and says which."""

from typing import Any

import pytest

from rsp.core.pause_tree import Pauses
from rsp.core.replies import Connections, Events
from rsp.core.vocabulary import SessionState
from rsp.tui.feed import Pull
from tests.tui import canned
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import (
    attached,
    hand,
    hand_seconds,
    open_detail,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

SIZE = (80, 24)


async def test_only_what_is_marked_can_be_shown_alone_and_esc_shows_the_others() -> None:
    app = still_dashboard()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        hand_seconds(app, 2)
        await pilot.press("M")
        await shows(pilot, app, "Nothing is marked: m marks a session.")
        assert "only the marked" not in screen_text(app)
        await pilot.press("m", "M")
        await shows(pilot, app, "only the marked [1 of")
        for session in list(app.model.sessions.marks):
            app.model.sessions.toggle_mark(session)
        hand(app, canned.connections(3))
        app.model.sessions.arrange()
        hand(app, canned.connections(4))
        await shows(pilot, app, "No marked session is left to show: esc shows the others.")
        await pilot.press("escape")
        await pilot.pause()
        assert "only the marked" not in screen_text(app)


async def test_a_screen_that_is_opened_while_frozen_asks_until_it_has_something() -> None:
    app = still_dashboard()
    async with app.run_test(size=SIZE) as pilot:
        hand_seconds(app, 2)
        await pilot.press("space", "b")
        await pilot.pause()
        assert Pull("pauses", Pauses, {}, 1.0) in app.wanted()
        hand(app, canned.pauses())
        assert "pauses" not in {pull.method for pull in app.wanted()}
        await pilot.press("escape", "E")
        await pilot.pause()
        assert "exchanges" in {pull.method for pull in app.wanted()}


async def test_a_list_that_is_older_than_the_freeze_is_shown_as_it_is_now() -> None:
    app = still_dashboard()
    async with app.run_test(size=SIZE) as pilot:
        hand_seconds(app, 2)
        await pilot.press("5", "1")
        await pilot.pause()
        hand(app, Events(canned.events(), 4, 0))
        await pilot.press("space", "5")
        await shows(pilot, app, "ECONNREFUSED")
        assert "0 new events are waiting" in screen_text(app)


@pytest.mark.parametrize(
    ("keys", "typed", "said"),
    [("3", "backend:nosuch", "no decision matches"), ("5A", "code:ZZ", "no ending matches")],
)
async def test_a_filter_that_nothing_passes_is_the_reason(
    engine: FakeEngine, keys: str, typed: str, said: str
) -> None:
    app = attached(engine)
    async with app.run_test(size=SIZE) as pilot:
        await shows(pilot, app, "BLOCKED")
        await pilot.press(*keys)
        await pilot.press("slash", *typed, "enter")
        await shows(pilot, app, said)


async def test_what_is_closed_or_unknown_is_not_asked_about_as_if_it_were_there() -> None:
    app = still_dashboard()
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        hand_seconds(app, 2)
        app.close_sessions([99_999])
        await shows(pilot, app, "It is not in the list: what waits in it is unknown.")
        assert "more" not in screen_text(app).partition("Close session 99999?")[2].split("\n")[1]
        await pilot.press("escape")
        known = list(app.model.sessions.sessions)
        hand(app, Connections(7, 0, app.model.sessions.now_s + 0.2, []))
        app.close_sessions(known[:1])
        await shows(pilot, app, "It is closed already.")


@pytest.mark.parametrize(
    ("changes", "said", "never"),
    [
        ({"calls": []}, "w records", ":watch"),
        ({"calls": [], "stopped": canned.stop()}, ":watch 41", "w records"),
        (
            {"calls": [], "state": SessionState.CLOSED.value},
            "It is over, and none of its calls was recorded.",
            "w records",
        ),
    ],
    ids=["live", "stopped: w writes", "closed"],
)
async def test_w_is_offered_where_it_records(
    changes: dict[str, Any], said: str, never: str
) -> None:
    app = still_dashboard()
    async with app.run_test(size=(120, 35)) as pilot:
        await open_detail(app, pilot)
        hand(app, canned.detail(3, watched=False, **changes))
        await shows(pilot, app, said)
        assert never not in screen_text(app)
        await pilot.press("left_square_bracket")
        await shows(
            pilot, app, said.replace("w records", "Secrets in it").replace("calls", "bytes")
        )


async def test_a_session_that_is_over_offers_no_key_that_comes_too_late() -> None:
    app = still_dashboard()
    late = ("Watch", "Pause", "Kernel…", "Close…")
    async with app.run_test(size=(200, 60)) as pilot:
        await open_detail(app, pilot)
        hand(app, canned.detail(3))
        for word in late:
            await shows(pilot, app, word)
        hand(app, canned.detail(4, state=SessionState.CLOSED.value))
        await shows(pilot, app, "it is over")
        await pilot.pause()
        keys = " ".join(screen_text(app).splitlines()[-3:])
        assert "Neighbour" in keys
        assert not [word for word in late if word in keys]


async def test_a_dashboard_that_is_being_left_does_nothing_more() -> None:
    app = still_dashboard()
    async with app.run_test(size=SIZE) as pilot:
        hand_seconds(app, 2)
        assert app.check_action("palette", ()) is True
        app.exit("leave")
        assert app.check_action("palette", ()) is False
        await pilot.pause()


@pytest.mark.parametrize("keys", ["2a", "2e", "3t"])
async def test_the_way_out_of_a_form_is_in_sight_on_the_smallest_screen(keys: str) -> None:
    app = still_dashboard()
    async with app.run_test(size=(60, 16)) as pilot:
        hand_seconds(app, 2)
        await pilot.press(*keys)
        await shows(pilot, app, "esc close")
        assert "Close  esc" in screen_text(app)


@pytest.mark.parametrize(
    ("keys", "never"),
    [("b", "Every connection is read"), ("E", "Exchanges ["), ("5A", "Autopsies [")],
)
async def test_a_screen_that_has_no_answer_yet_does_not_say_that_there_is_nothing(
    keys: str, never: str
) -> None:
    app = still_dashboard()
    async with app.run_test(size=SIZE) as pilot:
        hand_seconds(app, 2)
        await pilot.press(*keys)
        await shows(pilot, app, "waiting for the engine")
        assert never not in screen_text(app)


async def test_a_session_that_the_engine_has_not_told_of_is_waited_for() -> None:
    app = still_dashboard()
    async with app.run_test(size=SIZE) as pilot:
        hand_seconds(app, 2)
        await pilot.press("enter")
        await shows(pilot, app, "41: waiting for the engine")


async def test_where_no_session_passes_the_filter_no_key_needs_one(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(200, 60)) as pilot:
        await shows(pilot, app, "Mark")
        await pilot.press("slash", *"host:zzz", "enter")
        await shows(pilot, app, "[0 of")
        await pilot.pause()
        keys = " ".join(screen_text(app).splitlines()[-3:])
        assert not [word for word in ("Mark", "Follow", "Close…", "Pause") if word in keys]
        await pilot.press("y")
        await pilot.pause()
        assert "Copied" not in screen_text(app)


async def test_where_our_engine_is_gone_leaving_asks_nothing(engine: FakeEngine) -> None:
    app = attached(engine, engine_is_child=True)
    async with app.run_test(size=SIZE) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await engine.stop()
        await wait_until(pilot, lambda: app.model.lost_since)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_value == "leave"
