"""Two dashboards and a command line on one engine: nobody overwrites what another has done."""

from typing import Any

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.test_the_dashboard_edits_an_engine import attached, shows
from tests.tui.stage import listening, screen_text, wait_until

SCREEN: Any = {"size": (120, 35), "notifications": True}


def weights(proxy: Engine) -> tuple[int, int]:
    return proxy.backend("web1")["weight"], proxy.backend("web2")["weight"]


async def test_the_second_of_two_dashboards_is_told_who_changed_what(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), backend()))
    first, second = attached(proxy), attached(proxy)
    async with first.run_test(**SCREEN) as one, second.run_test(**SCREEN) as two:
        for pilot, app in ((one, first), (two, second)):
            await shows(pilot, app, "● LIVE")
            await pilot.press("2")
            await shows(pilot, app, "2 of 2 READY")
        await two.press("d")
        await listening(second, two)
        await one.press("plus", "plus")
        await wait_until(one, lambda: weights(proxy) == (3, 1))
        proxy.ask("backend.set", target="web/web2", weight=7, who="ctl")
        await wait_until(two, lambda: second.model.generation == 4)
        await two.press("2")
        await shows(two, second, "the generation is 4, not 1")
        said = screen_text(second)
        assert "weight 1 → 2, by dashboard" in " ".join(said.split())
        assert proxy.backend("web1")["state"] == "ready"
        assert weights(proxy) == (3, 7)
        await two.press("d")
        await listening(second, two)
        await two.press("2")
        await wait_until(two, lambda: proxy.backend("web1")["state"] == "drain")


async def test_what_one_has_on_trial_the_other_sees_and_can_confirm(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), backend()))
    app = attached(proxy)
    async with app.run_test(**SCREEN) as pilot:
        await shows(pilot, app, "● LIVE")
        proxy.ask("backend.set", target="web/web1", weight=9, confirm=600, who="night shift")
        await shows(pilot, app, "◷ on trial: ")
        await pilot.press("2", "plus")
        await shows(pilot, app, "generation 2 is on trial for")
        assert weights(proxy) == (9, 1)
        await pilot.press("C")
        await shows(pilot, app, "confirmed generation 2: web/web1: weight 1 → 9")
        assert proxy.ask("status")["trial"] is None
        proxy.ask("backend.set", target="web/web1", weight=5, confirm=600, who="night shift")
        await shows(pilot, app, "◷ on trial: ")
        await pilot.press("z")
        await shows(pilot, app, "↶ rolled back generation 3: it was undone")
        assert weights(proxy) == (9, 1)


async def test_lists_can_be_narrowed_by_generation(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), backend()))
    old, new = proxy.connect(), proxy.connect()
    old.get("/before")
    proxy.ask("backend.set", target="web/web1", weight=9)
    new.get("/after")
    app = attached(proxy)
    async with app.run_test(**SCREEN) as pilot:
        await shows(pilot, app, "Connections [2]")
        await pilot.press("slash", *"generation<2", "enter")
        await shows(pilot, app, "(generation<2)")
        await shows(pilot, app, "[1")
        assert str(old.port) in screen_text(app)
        assert str(new.port) not in screen_text(app)
        await pilot.press("3")
        await shows(pilot, app, "/before")
        await pilot.press("slash", *"generation<2", "enter")
        await wait_until(pilot, lambda: "/after" not in screen_text(app))
        assert "/before" in screen_text(app)


async def test_old_sessions_are_drained_from_the_config_screen(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    client = proxy.connect()
    client.get()
    proxy.wait_for_state(client, "idle")
    proxy.ask("backend.set", target="web/web1", weight=9)
    app = attached(proxy)
    async with app.run_test(**SCREEN) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("4", "o")
        await shows(pilot, app, "1 session goes where an old generation sent it")
        await listening(app, pilot)
        await pilot.press("d")
        await shows(pilot, app, "1 session idle, told to close")
        assert client.read_to_end() == b""
