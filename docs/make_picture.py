"""Makes the pictures of the documents: the real dashboard on the demo, with no terminal.

`make picture` makes all of them, `python -m docs.make_picture NAME …` some. They show what was on
the screen at that moment, and nothing is drawn by hand; so two pictures are never the same.
"""

import asyncio
import html
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.pilot import Pilot

from rsp.demo.scenes import Scene
from rsp.demo.stage import Stage
from rsp.tui.app import Dashboard

DOCS = Path(__file__).parent
SIZE = (120, 35)
"""Columns and rows: a usual terminal on a usual screen."""

WARM_UP_S = 20.0
"""The sparklines and the strip of the chosen session have a past by then."""

DEADLINE_S = 60.0
"""What a picture waits for comes again and again; when it was not seen, something is wrong."""

LOOK_EVERY_S = 0.2

CELL = 12.2
"""Width of a cell in the units of the picture."""


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until the screen says something."""

    says: str
    """A regular expression; a line of the screen has the blanks that it has."""
    key: str | None = None
    """Pressed before each look: a list has moved since the last one."""


Way = tuple[str | Until | Callable[[Stage], None], ...]
"""Keys, what to wait for, and what is done outside of the dashboard."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and how one comes to what it shows."""

    name: str
    scene: Scene
    way: Way


WHO_MOVES: Way = ("ctrl+r", Until("recorded requests would go elsewhere"))
# A question that has just come is deaf for a moment.
GROWN: Way = (*WHO_MOVES, Until("generation 2", "y"))
SPLIT: Way = (
    Until("spellings of"),
    ":",
    *"split",
    Until(r"🔎split\s*split"),
    "enter",
    Until("same name, different backends"),
)

PICTURES = (
    # Trouble stands on top; the cursor stays with its session wherever that moves to.
    Picture("dashboard", Scene.PLAIN, (Until(r"Client not reading: its window is 0", "g"),)),
    Picture(
        "slow_client",
        Scene.PLAIN,
        (
            Until(r"Client not reading: its window is 0", "g"),
            "enter",
            "]",
            Until("goes on .*window"),
        ),
    ),
    Picture("slow_blockers", Scene.PLAIN, ("b", Until("They do not read"), "down", "down")),
    Picture(
        "slow_backend",
        Scene.PLAIN,
        ("E", "/", *"path~slow", "enter", Until(r"backend think [\d.]+ m?s \(9\d %\)", "g")),
    ),
    Picture(
        "slow_endings",
        Scene.PLAIN,
        ("5", "A", "/", *"code:SD", "enter", Until(r"SD: by the backend", "down")),
    ),
    Picture(
        "slow_hole",
        Scene.SLOW_WRITE,
        ("/", *"host~book", "enter", Until("BLOCKED.*00:00"), "enter", "]", Until("NOT BALANCED")),
    ),
    Picture("moved_by_growth", Scene.SPLIT_ROUTE, WHO_MOVES),
    Picture("split_ways", Scene.SPLIT_ROUTE, (*GROWN, *SPLIT)),
    Picture("split_line", Scene.SPLIT_ROUTE, (*SPLIT, "enter", Until(r'return\s*"apps"'))),
    Picture(
        "moved_by_removal",
        Scene.SPLIT_ROUTE,
        ("2", Until("generation 2"), "x", Until("recorded requests would go elsewhere")),
    ),
    Picture("moved_by_cure", Scene.SPLIT_ROUTE, (Stage.cure, *WHO_MOVES)),
)
"""Those of one scene stand together: they are taken of one demo."""

_BLANK = "&#160;"
_TEXT = re.compile(r'(<text[^>]* x=")([\d.]+)("[^>]* textLength=")([\d.]+)("[^>]*>)([^<]*)</text>')
_FONT_FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)


async def take_picture(stage: Stage, way: Way) -> str:
    """Return the dashboard as SVG, at the end of `way`.

    Raises:
        TimeoutError: the screen did not say what was waited for.
    """
    app = Dashboard(str(stage.control), read_only=False, engine_is_child=False)
    async with app.run_test(size=SIZE) as pilot, asyncio.timeout(WARM_UP_S + DEADLINE_S):
        await pilot.pause(WARM_UP_S)
        for step in way:
            if callable(step):
                step(stage)
            else:
                await _go(pilot, step)
        return app.export_screenshot(title="rsp demo")


async def _go(pilot: Pilot[Any], step: str | Until) -> None:
    if isinstance(step, str):
        await pilot.press(step)
        return
    while not re.search(step.says, words_of(pilot.app.export_screenshot())):
        if step.key:
            await pilot.press(step.key)
        await pilot.pause(LOOK_EVERY_S)


def words_of(svg: str) -> str:
    """Return what a picture says."""
    return html.unescape("".join(found[6] for found in _TEXT.finditer(svg))).replace("\xa0", " ")


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
    """Write the pictures."""
    # Without these the dashboard takes the place where it runs for a terminal of few colours.
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    os.environ.pop("NO_COLOR", None)
    wanted = [each for each in PICTURES if not sys.argv[1:] or each.name in sys.argv[1:]]
    for scene, pictures in groupby(wanted, lambda picture: picture.scene):
        with Stage(scene) as stage:
            for picture in pictures:
                svg = asyncio.run(take_picture(stage, picture.way))
                path = DOCS / f"{picture.name}.svg"
                path.write_text(self_contained(svg))
                sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
