"""The question whether to write the live edits into the file."""

import pytest

from rsp.core.write_back_rows import WrittenBack
from rsp.tui.screens.write_back import DiffDialog
from tests.tui.stage import (
    check_golden,
    listening,
    screen_text,
    still_dashboard,
    wait_until,
)

ROW = '    {{ name = "web{0}", address = "127.0.0.1:900{0}"{1} }},'
DIFF = "\n".join([
    "--- /etc/rsp/blog.lua", "+++ /etc/rsp/blog.lua", "@@ -12,7 +12,7 @@", '   balance = "hash",',
    "   backends = {", f"-{ROW.format(1, '')}", f"-{ROW.format(2, '')}",
    f"+{ROW.format(1, ', weight = 3, max_connections = 200')} -- \x1b[2J",
    *[f" {ROW.format(number, '')}" for number in range(3, 10)], "   },",
    f"+{ROW.format('n', '')} -- last", "",
])  # fmt: skip
PREVIEW = WrittenBack(
    7,
    ["web/web1: weight 1 → 3, max_connections 0 → 200", "removed web/web2 (127.0.0.1:9002)"],
    DIFF,
    False,
    None,
    ["line 3: expected GET http://a.test/ -> web/web2, but it went to web/web3"],
)


@pytest.mark.parametrize("size", [(80, 24), (120, 35)])
async def test_what_would_change_is_shown_before_it_is_written(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        _ = app.push_screen(DiffDialog(PREVIEW))
        await pilot.pause()
        await pilot.pause()
        await check_golden(pilot, app, f"question-write-{size[0]}x{size[1]}")
        assert "\x1b" not in screen_text(app)


async def test_a_long_diff_scrolls_to_its_end() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        _ = app.push_screen(DiffDialog(PREVIEW))
        await listening(app, pilot)
        assert "-- last" not in screen_text(app)
        await pilot.press("pagedown", "j", "down")
        await wait_until(pilot, lambda: "-- last" in screen_text(app))
        assert "esc" in screen_text(app), "the answers stay in sight"
