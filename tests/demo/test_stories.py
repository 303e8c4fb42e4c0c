"""The stories see their own steps done, and only then."""

from pathlib import Path

import pytest

from rsp.core.audit import SplitRow
from rsp.core.evidence import FlowRow, StallRow
from rsp.core.replies import ConnectionRow, PeerRow
from rsp.demo.reports import Outcome
from rsp.demo.scenes import (
    BROKEN_LINE,
    CURED_LINE,
    SETTINGS,
    Scene,
    cured,
    line_of_the_bug,
    lua_for,
)
from rsp.demo.stage import is_mended as is_file_mended
from rsp.demo.stories import (
    SLOW_WRITE,
    Evidence,
    accused,
    agreed,
    guide,
    is_mended,
    split_route,
    steps_done,
    story_for,
)

BAD = Outcome(is_good=False, text="bad", missing_bytes=300, first_bad_offset=70)
GOOD = Outcome(is_good=True, text="good")


def peer(cause: str = "", blocked_s: float = 0.0) -> PeerRow:
    stall = StallRow(blocked_s, cause, "", {}) if cause else None
    return PeerRow(
        *(3, "127.0.0.1:1", 0, 0, 0, 0, 65536, None, None, 0, 0, 0, 0),
        paused_by=[],
        blocked_s=blocked_s,
        blocked_total_s=blocked_s,
        stall=stall,
    )


def flow(dropped: int, first_divergence: int | None) -> FlowRow:
    return FlowRow(1000, 1000 - dropped, 0, dropped, not dropped, 0, 0, first_divergence)


def session(client: PeerRow, backend: PeerRow | None) -> ConnectionRow:
    return ConnectionRow(1, "streaming", None, 1, 1.0, "a", 1, None, None, None, client, backend)


BLOCKED = session(peer("peer_not_reading", 1.0), peer())


@pytest.mark.parametrize(
    "row",
    [
        session(peer(), peer("peer_not_reading", 1.0)),
        session(peer(blocked_s=1.0), peer()),
        session(peer("path_loss", 1.0), None),
    ],
)
def test_a_client_is_accused_only_when_it_is_named(row: ConnectionRow) -> None:
    assert accused(Evidence([row, BLOCKED])) == [BLOCKED]


@pytest.mark.parametrize(
    ("book", "same"),
    [(flow(300, 70), True), (flow(301, 70), False), (flow(300, 71), False), (flow(0, None), False)],
)
def test_ledger_and_client_agree_to_the_byte_or_not_at_all(book: FlowRow, same: bool) -> None:
    assert bool(agreed(Evidence((), 0, [BAD, GOOD], books=[book]))) == same


def test_mended_is_a_whole_page_behind_a_broken_one_with_no_fault_in_force() -> None:
    assert is_mended(Evidence((), 0, [BAD, GOOD]))
    assert not is_mended(Evidence((), 0, [BAD, GOOD], faults=1))
    assert not is_mended(Evidence((), 0, [GOOD, BAD]))
    assert not is_mended(Evidence((), 0, [GOOD]))


def test_the_slow_write_steps_are_done_by_what_the_screen_can_show() -> None:
    story = SLOW_WRITE
    assert steps_done(story, Evidence()) == set()
    assert steps_done(story, Evidence([BLOCKED])) == {2}
    books = [flow(0, None), flow(300, 70)]
    assert steps_done(story, Evidence([BLOCKED], books=books, faults=1)) == {2, 3}
    assert steps_done(story, Evidence((), 0, [BAD], books=books, faults=1)) == {3, 4}
    assert steps_done(story, Evidence((), 0, [BAD, GOOD], books=books)) == {3, 4, 5}


def test_the_guide_marks_what_is_done_and_ends_with_the_last_round() -> None:
    lines = guide(SLOW_WRITE, {2}, [GOOD, GOOD, BAD])
    assert [line.endswith("✓") for line in lines[1:6]] == [False, True, False, False, False]
    assert lines[6:] == ["→ bad"]


def test_the_split_route_steps_name_the_line_and_see_the_cure() -> None:
    story = split_route(30)
    split = [SplitRow("ironhand.on.example", {}, "")]
    lines = guide(story, (), ())
    assert "Line 30" in lines[3]
    assert "line 30" in lines[4]
    # With four backends there are split names already, but the story waits for nine.
    assert steps_done(story, Evidence(backends=4, splits=split, outcomes=[BAD])) == set()
    assert steps_done(story, Evidence(backends=9, outcomes=[GOOD])) == {1}
    assert steps_done(story, Evidence(backends=9, splits=split, outcomes=[BAD])) == {1, 2}
    written = Evidence(backends=9, splits=split, outcomes=[BAD], is_cured=True)
    assert steps_done(story, written) == {1, 2, 4}
    for outcome, done in ((BAD, {1, 4}), (GOOD, {1, 4, 5})):
        reloaded = Evidence(backends=9, outcomes=[BAD, outcome], is_cured=True)
        assert steps_done(story, reloaded) == done


def test_a_file_is_mended_when_it_is_whole_and_its_wrong_line_is_gone(tmp_path: Path) -> None:
    config = tmp_path / "demo.lua"
    names = SETTINGS[Scene.SPLIT_ROUTE].site_names
    source = lua_for(Scene.SPLIT_ROUTE, dict.fromkeys(names, "127.0.0.1:1"))
    assert not is_file_mended(config)
    seen = []
    for text in (source, "", cured(source)):
        config.write_text(text)
        seen.append(is_file_mended(config))
    assert seen == [False, False, True]


@pytest.mark.parametrize("scene", [Scene.SLOW_WRITE, Scene.SPLIT_ROUTE])
def test_every_step_fits_on_a_narrow_screen(scene: Scene) -> None:
    story = story_for(scene, 30)
    assert story is not None
    seen = [number for number, step in enumerate(story.steps, start=1) if step.is_done]
    assert [line for line in guide(story, seen, ()) if len(line) > 80 - len("│  │")] == []


def test_the_plain_demo_has_no_story() -> None:
    assert story_for(Scene.PLAIN, None) is None


@pytest.mark.parametrize("scene", list(Scene))
def test_the_configuration_has_every_backend_and_only_one_scene_has_a_bug(scene: Scene) -> None:
    names = SETTINGS[scene].site_names
    source = lua_for(scene, {name: f"127.0.0.1:{n}" for n, name in enumerate(names, start=9001)})
    assert all(f'"{name}", address = "127.0.0.1:90' in source for name in names)
    line = line_of_the_bug(source)
    assert (line is not None) == (scene is Scene.SPLIT_ROUTE)
    if line is not None:
        assert source.splitlines()[line - 1].strip() == BROKEN_LINE.strip()
        mended = cured(source).splitlines()
        assert mended[line - 1].strip() == CURED_LINE.strip()
        assert line_of_the_bug(cured(source)) is None
