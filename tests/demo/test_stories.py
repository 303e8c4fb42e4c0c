"""The stories see their own steps done, and only then."""

from pathlib import Path

import pytest

from rsp.core.replies import ConnectionRow, DecisionRow, PeerRow
from rsp.demo.reports import Outcome
from rsp.demo.scenes import SETTINGS, Scene, cured, line_of_the_bug, lua_for
from rsp.demo.stage import is_mended
from rsp.demo.stories import (
    SLOW_WRITE,
    Evidence,
    guide,
    held_back,
    split_hosts,
    split_route,
    steps_done,
    story_for,
)

BAD = Outcome(is_good=False, text="bad")
GOOD = Outcome(is_good=True, text="good")


def peer(*paused_by: str, blocked_s: float = 0.0) -> PeerRow:
    return PeerRow(
        *(3, "127.0.0.1:1", 0, 0, 0, 0, 65536, None, None, 0, 0, 0, 0),
        paused_by=list(paused_by),
        blocked_s=blocked_s,
        blocked_total_s=blocked_s,
    )


def session(client: PeerRow, backend: PeerRow | None) -> ConnectionRow:
    return ConnectionRow(1, "streaming", None, 1, 1.0, "a", 1, None, None, None, client, backend)


def decision(key: str, backend: str) -> DecisionRow:
    return DecisionRow(1, "", 1, 1, "GET", key, "/", "apps", backend, key, "", 1.0, [])


BLOCKED = session(peer(blocked_s=1.0), peer("sink_full"))


@pytest.mark.parametrize(
    "row",
    [
        session(peer(), peer("sink_full")),
        session(peer(blocked_s=1.0), peer("operator")),
        session(peer(blocked_s=1.0), None),
    ],
)
def test_a_session_is_held_back_only_when_blocked_and_paused_by_it(row: ConnectionRow) -> None:
    assert held_back(Evidence([row, BLOCKED])) == [BLOCKED]


def test_split_hosts_are_those_whose_spellings_reach_several_backends() -> None:
    decisions = [
        decision("ironhand.example", "apps1"),
        decision("IronHand.example", "apps3"),
        decision("nightowl.example", "apps2"),
        decision("NightOwl.example", "apps2"),
    ]
    assert split_hosts(Evidence((), decisions)) == {"ironhand.example": {"apps1", "apps3"}}


def test_the_slow_write_steps_are_done_by_what_the_screen_can_show() -> None:
    story = SLOW_WRITE
    assert steps_done(story, Evidence()) == set()
    assert steps_done(story, Evidence([BLOCKED])) == {2, 3}
    assert steps_done(story, Evidence([BLOCKED], (), [GOOD, BAD])) == {2, 3, 4}


def test_the_guide_marks_what_is_done_and_ends_with_the_last_round() -> None:
    lines = guide(SLOW_WRITE, {2}, [GOOD, GOOD, BAD])
    assert [line.endswith("✓") for line in lines[1:5]] == [False, True, False, False]
    assert lines[5:] == ["→ good", "→ bad"]


def test_the_split_route_steps_name_file_and_line_and_see_the_cure() -> None:
    story = split_route("/tmp/x/demo.lua", 22)
    split = Evidence((), [decision("a", "apps1"), decision("A", "apps2")], [BAD])
    assert "line 22 of /tmp/x/demo.lua" in guide(story, (), ())[3]
    assert steps_done(story, split) == {2}
    assert steps_done(story, Evidence(is_cured=True)) == {3}
    assert steps_done(story, Evidence((), (), [BAD, GOOD], is_cured=True)) == {3, 4, 5}


def test_a_file_is_mended_when_it_is_whole_and_its_wrong_line_is_gone(tmp_path: Path) -> None:
    config = tmp_path / "demo.lua"
    names = SETTINGS[Scene.SPLIT_ROUTE].site_names
    source = lua_for(Scene.SPLIT_ROUTE, dict.fromkeys(names, "127.0.0.1:1"))
    assert not is_mended(config)
    seen = []
    for text in (source, "", cured(source)):
        config.write_text(text)
        seen.append(is_mended(config))
    assert seen == [False, False, True]


@pytest.mark.parametrize("scene", [Scene.SLOW_WRITE, Scene.SPLIT_ROUTE])
def test_every_step_fits_on_a_narrow_screen(scene: Scene) -> None:
    story = story_for(scene, "/tmp/rsp-demo-12345678/demo.lua", 22)
    assert story is not None
    seen = [number for number, step in enumerate(story.steps, start=1) if step.is_done]
    assert [line for line in guide(story, seen, ()) if len(line) > 80 - len("│  │")] == []


def test_the_plain_demo_has_no_story() -> None:
    assert story_for(Scene.PLAIN, "demo.lua", None) is None


@pytest.mark.parametrize("scene", list(Scene))
def test_the_configuration_has_every_backend_and_only_one_scene_has_a_bug(scene: Scene) -> None:
    names = SETTINGS[scene].site_names
    source = lua_for(scene, {name: f"127.0.0.1:{n}" for n, name in enumerate(names, start=9001)})
    assert all(f'"{name}", address = "127.0.0.1:90' in source for name in names)
    line = line_of_the_bug(source)
    assert (line is not None) == (scene is Scene.SPLIT_ROUTE)
    if line is not None:
        assert source.splitlines()[line - 1].strip() == "local key = host"
        mended = cured(source).splitlines()
        assert mended[line - 1].strip() == "local key = host:lower()"
        assert line_of_the_bug(cured(source)) is None
