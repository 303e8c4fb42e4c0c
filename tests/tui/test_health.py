"""What the dashboard makes of the health of backends."""

import msgspec
import pytest

from rsp.core.replies import Backends
from rsp.tui.model import text
from rsp.tui.model.alerts import Alerts
from rsp.tui.model.backend_columns import BACKEND_COLUMNS, columns_of, in_full, pool_title
from rsp.tui.model.backends import BackendLine, BackendList
from rsp.tui.model.health_text import health_cell
from rsp.tui.model.shares import shares
from rsp.tui.model.spans import plain, width_of
from tests.tui import canned, canned_health, canned_routes
from tests.tui.stage import check_golden, hand, hand_seconds, named, still_dashboard

MARKS = canned_health.FLAPPING.replace(".", "·").replace("x", "✗")
SIZES = [(80, 24), (120, 35)]


def listed(answer: Backends) -> BackendList:
    found = BackendList()
    found.apply(answer, 1000.0, 1)
    return found


def line_of(found: BackendList, key: str) -> BackendLine:
    (line,) = [line for line in found.lines() if line.key == key]
    assert isinstance(line, BackendLine)
    return line


def test_pools_and_backends_in_trouble_stand_above_the_others() -> None:
    assert [line.key for line in listed(canned_health.pools()).lines()] == [
        "web/", "web/web2", "web/web3", "web/web1", "web/web4", "web/web5", "shop/", "shop/shop1"
    ]  # fmt: skip


def test_health_has_a_column_where_anything_is_known_of_it() -> None:
    assert columns_of(listed(canned_health.pools())) == list(BACKEND_COLUMNS)
    without = [each.id for each in columns_of(listed(canned_routes.pools()))]
    assert without == [each.id for each in BACKEND_COLUMNS if each.id != "health"]


def test_every_health_can_be_told_without_colour() -> None:
    shop, web = canned_health.pools().pools
    cells = [plain(health_cell(web, row)) for row in web.backends]
    assert cells == ["✓ up", "✗ down", "⊘ eject", "↗ 30%", "?"]
    assert plain(health_cell(shop, shop.backends[0])) == text.NOTHING


def test_the_title_of_a_pool_counts_those_who_can_work_and_names_its_fallback() -> None:
    title = pool_title(listed(canned_health.pools()).lines()[0])
    assert title is not None
    assert plain(title) == ">>> pool web  round_robin  3 of 5 READY  fallback shop"


def test_who_gets_nothing_has_no_share_and_who_starts_slowly_has_a_smaller_one() -> None:
    web = canned_health.pools().pools[1].backends
    assert shares("round_robin", web) == [1 / 2.3, 0, 0, pytest.approx(0.3 / 2.3), 1 / 2.3]


@pytest.mark.parametrize(("width", "height"), [(76, 2), (76, 5), (116, 6), (196, 9)])
def test_a_backend_in_full_says_why_it_is_down(width: int, height: int) -> None:
    lines = in_full(line_of(listed(canned_health.pools()), "web/web2"), width, height)
    said = [plain(line) for line in lines]
    assert len(lines) <= height
    assert all(width_of(line) <= width for line in lines)
    at = said.index(next(line for line in said if line.startswith("health")))
    assert at == (height > 2)
    assert said[at].startswith("health   ✗ down for 00:12: it did not answer within 1 s")
    assert said[at + 1].startswith(f"checks   {MARKS} 500ms ago, took 2.1ms")
    if height > 4:
        assert " ".join(said[3:]).startswith(f"calmer with {canned_health.ADVICE}")


def test_a_narrow_pane_shows_the_newest_checks() -> None:
    lines = in_full(line_of(listed(canned_health.pools()), "web/web2"), 45, 9)
    assert plain(lines[2]).startswith(f"checks   {MARKS[-10:]} 500ms ago")


def alerts_of(answer: Backends) -> list[str]:
    alerts = Alerts()
    alerts.apply(canned.status(0, blocked=0))
    alerts.apply_backends(answer)
    return [alert.text for alert in alerts.now()]


def test_an_alert_names_who_is_down_and_why() -> None:
    assert alerts_of(canned_health.pools())[:2] == [
        "✗ web/web2 is down: it did not answer within 1 s",
        "✗ web/web3 is ejected",
    ]


def test_a_pool_that_can_do_nothing_is_said_first() -> None:
    answer = canned_health.pools()
    web = answer.pools[1]
    down = [msgspec.structs.replace(row, health="down") for row in web.backends]
    down[0] = msgspec.structs.replace(down[0], health="up", state="maint")
    answer.pools[1] = msgspec.structs.replace(web, backends=down)
    assert alerts_of(answer)[0] == "✗ nobody of pool web can work (4 out)"
    assert not [said for said in alerts_of(answer) if "web/web2" in said]


@pytest.mark.parametrize("size", SIZES)
async def test_the_screen(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        await pilot.press("2")
        await pilot.pause()
        hand(app, canned_health.pools(), canned.status(3))
        await pilot.press("k", "k")
        await pilot.pause()
        await check_golden(pilot, app, named("backends-health", size))
