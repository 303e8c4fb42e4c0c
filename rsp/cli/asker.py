"""What every `rsp ctl` command shares: `--json`, `--control`, and the link to the engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from rsp.cli.finite import FiniteRange
from rsp.cli.link import Link, find_engine
from rsp.core.limits import TRIAL_LEAST_EXCHANGES, TRIAL_LEAST_S, TRIAL_MOST_S
from rsp.core.sanitise import safe_json

Run = Callable[..., Any]


class Asker:
    """Remembers `--json` and `--control`, which may stand before or after the command."""

    def __init__(self) -> None:
        self.as_json = False
        self.control: Path | None = None

    def link(self) -> Link:
        """Return a connection to the engine that is meant."""
        return Link(find_engine(self.control))

    def show(self, method: str, params: dict[str, Any]) -> None:
        """Give a command and print its answer."""
        given = {key: value for key, value in params.items() if value is not None}
        with self.link() as link:
            raw = link.ask_raw(method, given)
        if given.get("preview") and not self.as_json:
            click.echo("Nothing was done. It would do this:")
        self.print(method, raw)

    def print(self, method: str, raw: bytes) -> None:
        """Print an answer as it is asked for."""
        if self.as_json:
            click.echo(safe_json(raw.decode()))
            return
        from rsp.cli.text import as_text

        click.echo(as_text(method, msgspec.json.decode(raw)))


class CtlCommand(click.Command):
    """A command that takes `--json` and `--control` itself, as well as its group does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _shared_options()


def _shared_options() -> list[click.Parameter]:
    def remember_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        asker = ctx.ensure_object(Asker)
        asker.as_json = asker.as_json or value

    def remember_control(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
        asker = ctx.ensure_object(Asker)
        asker.control = value or asker.control

    return [
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=remember_json, is_eager=True,
            help="Print one JSON document and nothing else.",
        ),
        click.Option(
            ["--control"], type=click.Path(path_type=Path), metavar="PATH", expose_value=False,
            callback=remember_control, is_eager=True, help="The engine's control socket.",
        ),
    ]  # fmt: skip


class CtlGroup(click.Group):
    """A group whose commands are `CtlCommand`s."""

    command_class = CtlCommand
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _shared_options()


pass_asker = click.make_pass_decorator(Asker, ensure=True)
limit_option = click.option("--limit", type=click.IntRange(min=0), help="At most so many.")
generation_option = click.option(
    "--if-generation",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse when something else changed meanwhile.",
)


def change_options(command: Run) -> Run:
    """Give a command the options of whatever changes something, and may be on trial."""
    for option in (
        generation_option,
        click.option(
            "--max-errors", type=FiniteRange(0, 100), metavar="PERCENT",
            help="With --confirm: take it back at once when more of its exchanges fail, of "
            f"{TRIAL_LEAST_EXCHANGES} or more.",
        ),
        click.option(
            "--confirm", type=FiniteRange(TRIAL_LEAST_S, TRIAL_MOST_S), metavar="SECONDS",
            help="Take it back by itself unless `rsp ctl confirm` comes within so long.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


preview_option = click.option(
    "--preview", is_flag=True, help="Only say what would change, and which requests would move."
)
