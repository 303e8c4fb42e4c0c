"""Makes docs/dashboard.svg: the real dashboard on the real engine of the demo, with no terminal.

`make picture` runs it. What it shows is what was on the screen at that moment, and nothing is drawn
by hand; so two pictures are never the same.
"""

import asyncio
import html
import os
import re
import sys
from pathlib import Path

from rich.cells import cell_len

from rsp.demo.scenes import Scene
from rsp.demo.stage import Stage
from rsp.demo.stories import Evidence, accused
from rsp.tui.app import Dashboard
from rsp.tui.screens.connections import ConnectionsScreen

PICTURE = Path(__file__).parent / "dashboard.svg"
SIZE = (120, 35)
"""Columns and rows: a usual terminal on a usual screen."""

WARM_UP_S = 20.0
"""The sparklines and the strip of the chosen session have a past by then."""

DEADLINE_S = 30.0
"""There always is a slow client; when none was seen by then, something is wrong."""

LOOK_EVERY_S = 0.2

CELL = 12.2
"""Width of a cell in the units of the picture."""

_BLANK = "&#160;"
_TEXT = re.compile(r'(<text[^>]* x=")([\d.]+)("[^>]* textLength=")([\d.]+)("[^>]*>)([^<]*)</text>')
_FONT_FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)


async def take_picture(stage: Stage) -> str:
    """Return the dashboard as SVG, at a moment when its cursor is on a session that is held back.

    Raises:
        TimeoutError: there was no such moment.
    """
    app = Dashboard(str(stage.control), read_only=False, engine_is_child=False)
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(WARM_UP_S + DEADLINE_S):
        await pilot.pause(WARM_UP_S)
        while not _shows_it(app):
            # Trouble stands on top; the cursor stays with its session wherever that moves to.
            await pilot.press("g")
            await pilot.pause(LOOK_EVERY_S)
        return app.export_screenshot(title="rsp demo")


def _shows_it(app: Dashboard) -> bool:
    screen = app.screen
    if not isinstance(screen, ConnectionsScreen):
        return False
    chosen = screen.table.cursor_row
    return chosen is not None and bool(accused(Evidence([chosen.row])))


def self_contained(svg: str) -> str:
    """Return the picture as every viewer shows it alike.

    It fetches no font, for a page must not call anywhere; usual monospace fonts are 0.6 of their
    size wide, which makes a cell of the picture. Blanks at the ends of a text become places, as
    some viewers drop them.
    """
    svg = _FONT_FACES.sub("", svg).replace("Fira Code", "ui-monospace, Menlo")
    svg = svg.replace("font-size: 20px", "font-size: 20.3px")
    return _TEXT.sub(_without_blanks, svg)


def _without_blanks(found: re.Match[str]) -> str:
    before, x, between, _, after, text = found.groups()
    bare = text.replace(_BLANK, " ")
    indent = len(bare) - len(bare.lstrip(" "))
    kept = bare.strip(" ")
    cells = cell_len(html.unescape(kept))
    place = f"{float(x) + indent * CELL:g}{between}{cells * CELL:g}"
    return f"{before}{place}{after}{kept.replace(' ', _BLANK)}</text>"


def main() -> None:
    """Write the picture."""
    # Without these the dashboard takes the place where it runs for a terminal of few colours.
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    os.environ.pop("NO_COLOR", None)
    with Stage(Scene.PLAIN) as stage:
        svg = asyncio.run(take_picture(stage))
    PICTURE.write_text(self_contained(svg))
    sys.stdout.write(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
