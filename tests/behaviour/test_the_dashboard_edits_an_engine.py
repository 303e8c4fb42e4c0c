"""The dashboard on a real engine: live edits, a split key, a file that broke."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from rsp.tui.app import Dashboard, LeaveChoice
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.tui.stage import listening, screen_text, wait_until

ROUTE_BY_SPELLING = """
function route(request)
  return "web", { key = request.raw_host, reason = "the host as it was sent decides" }
end
"""
NAMES = ("IronHand", "BlueHeron", "GreyWolf", "NightOwl", "RedPanda", "JoeButy")


def attached(proxy: Engine) -> Dashboard:
    return Dashboard(str(proxy.control), read_only=False, engine_is_child=False)


def replace_in(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new, 1))


async def shows(pilot: Pilot[LeaveChoice], app: Dashboard, text: str) -> None:
    await wait_until(pilot, lambda: text in screen_text(app), text)


async def test_what_is_pressed_is_in_force_and_can_be_undone(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), backend()))
    app = attached(proxy)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("2")
        await shows(pilot, app, "2 of 2 READY")
        await pilot.press("plus", "plus", "right_curly_bracket")
        await wait_until(pilot, lambda: proxy.backend("web1")["weight"] == 13)
        await shows(pilot, app, "web/web1: weight 3 → 13")
        await pilot.press("z", "z")
        await wait_until(pilot, lambda: proxy.backend("web1")["weight"] == 2)
        await pilot.press("j", "d")
        await listening(app, pilot)
        await pilot.press("2")
        await wait_until(pilot, lambda: proxy.backend("web2")["state"] == "drain")
        await shows(pilot, app, "◐ DRAIN")
        await shows(pilot, app, "running state differs from")
        who = proxy.ask("edits")["edits"][-1]["who"]
        assert who.startswith("dashboard")
        await pilot.press("x")
        await listening(app, pilot)
        await pilot.press("n")
        await shows(pilot, app, "1 of 1 READY")


async def test_two_spellings_of_a_name_that_go_two_ways_are_told_in_a_sentence(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web = pool(backend(), backend(), backend(), settings='balance = "hash_mod",')
    proxy = engine(LISTEN + web + ROUTE_BY_SPELLING)
    app = attached(proxy)
    async with app.run_test(size=(200, 60), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        for name in NAMES:
            assert proxy.get(host=f"{name}.example").status == 200
            assert proxy.get(host=f"{name.lower()}.example").status == 200
        await shows(pilot, app, "reach different backends")
        await pilot.press("3")
        await shows(pilot, app, "same name, different backends")
        await pilot.press("t")
        await shows(pilot, app, "the host as it was sent decides")


async def test_a_file_that_broke_is_shown_with_its_error_and_changes_nothing(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    file = Path(proxy.ask("status")["config"])
    app = attached(proxy)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("4")
        await shows(pilot, app, "✓ the same as what runs")
        replace_in(file, "listen", "locl x = 1\nlisten")
        await shows(pilot, app, "'=' expected near 'x'")
        assert f"{file.name}:" in screen_text(app)
        await pilot.press("ctrl+r")
        await shows(pilot, app, "nothing was changed")
        assert proxy.ask("status")["generation"] == 1
        replace_in(file, "locl x = 1", "local x = 1")
        await shows(pilot, app, "✎ changed, and it loads")
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: "Reload the configuration?" in screen_text(app))
        await listening(app, pilot)
        await pilot.press("y")
        await shows(pilot, app, "✓ the same as what runs")
        assert proxy.ask("status")["generation"] == 2


def read(file: Path) -> str:
    return file.read_text()


@pytest.mark.parametrize("tab", ["2", "4"])
async def test_edits_are_written_by_two_keys(
    tab: str, engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    file = Path(proxy.ask("status")["config"])
    proxy.ask("backend.set", target="web/web1", weight=3)
    app = attached(proxy)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press(tab)
        await shows(pilot, app, "1 edit" if tab == "2" else "1 live edit")
        await pilot.press("W")
        await shows(pilot, app, "Write the live edits into config.lua?")
        await listening(app, pilot)
        assert "weight = 3" not in read(file)
        await pilot.press("y")
        await shows(pilot, app, "Written. The old text is in ")
        assert "weight = 3 }" in read(file)
        assert proxy.ask("status")["edits"] == 0
        await shows(pilot, app, "generation 3")
        await pilot.press("W")
        await shows(pilot, app, "nothing to write")
