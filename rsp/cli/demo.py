"""`rsp demo`: sites, traffic and the dashboard, with nothing to set up."""

from typing import TYPE_CHECKING

import click

from rsp.cli.failure import Failure
from rsp.cli.finite import FiniteRange
from rsp.cli.screen import color_option, dashboard_of, is_terminal

if TYPE_CHECKING:
    from rsp.demo.stage import Stage

STORIES = ("slow-write", "split-route")


@click.command("demo")
@click.argument("story", type=click.Choice(STORIES), required=False)
@click.option(
    "--seconds",
    type=FiniteRange(min=0),
    help="Show no dashboard; print what happens, and end after this long (10 without a terminal).",
)
@color_option
def command(story: str | None, seconds: float | None) -> None:
    """Show rsp at work: sites, clients, engine and dashboard, all on this machine.

    `slow-write` and `split-route` tell the two bugs that rsp was made for, with their cure.
    """
    from rsp.cli.run import EngineFailed
    from rsp.demo.scenes import Scene
    from rsp.demo.stage import Stage

    try:
        with Stage(Scene(story or Scene.PLAIN)) as stage:
            if seconds is None and is_terminal():
                _show(stage)
            else:
                _narrate(stage, seconds)
    except (EngineFailed, RuntimeError) as error:
        raise Failure(str(error)) from error


def _show(stage: "Stage") -> None:
    """Attach the dashboard, with the guide of the story; afterwards say what was measured."""
    from rsp.demo.live_guide import LiveGuide
    from rsp.demo.narration import story_on

    # Not `engine_is_child`: this engine ends with the demo, so there is nothing to ask.
    control = str(stage.control)
    story = story_on(stage)
    if story is None:
        dashboard_of(control, read_only=False, engine_is_child=False)
        return
    with LiveGuide(story, stage) as guide:
        dashboard_of(control, read_only=False, engine_is_child=False, guide=guide)
    for outcome in list(stage.world.outcomes)[-story.outcomes_shown :]:
        click.echo(outcome.text)


def _narrate(stage: "Stage", seconds: float | None) -> None:
    from rsp.demo.narration import narrate
    from rsp.demo.numbers import PLAIN_SECONDS

    if seconds is None:
        seconds = PLAIN_SECONDS
        click.echo("There is no terminal here, so there is no dashboard.")
    click.echo(f"The demo runs for {seconds:g} s and says what it sees.")
    narrate(stage, seconds, click.echo)
