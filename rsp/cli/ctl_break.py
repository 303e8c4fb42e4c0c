"""`rsp ctl break`, `step`, `continue` and `pending`: sessions that stop, and what is done then."""

from typing import Any

import click

from rsp.cli.asker import Asker, CtlCommand, CtlGroup, pass_asker
from rsp.cli.explained import WithFilter
from rsp.cli.finite import FiniteRange


@click.group("break", cls=CtlGroup)
def breaking() -> None:
    """Stop a session when something happens to it; the others run on."""


@breaking.command("add", cls=WithFilter)
@click.argument("expression", metavar="EXPR")
@click.option("--for", "for_s", type=FiniteRange(min=0, min_open=True), metavar="SECONDS",
              help="Who stops goes on by itself after this; otherwise after 60.")  # fmt: skip
@click.option("--hold", is_flag=True, help="Who stops stays so until you say otherwise.")
@pass_asker
def add(asker: Asker, expression: str, for_s: float | None, hold: bool) -> None:
    """Stop sessions at an event, or when a filter becomes true.

    Events: client, backend or any, and rst, half-close, eof, eagain or short-write; first-byte;
    route!=last. Filters are those of `connections`: 'client.unsent_bytes>1M'.
    """
    if hold and for_s is not None:
        raise click.UsageError("give --for or --hold: who is held does not go on by itself")
    asker.show("break.add", {"expression": expression, "for_s": for_s, "hold": hold})


@breaking.command("list")
@pass_asker
def listed(asker: Asker) -> None:
    """All breakpoints, how often each was hit, and who is stopped there."""
    asker.show("break.list", {})


@breaking.command("remove")
@click.argument("id", metavar="ID|all")
@pass_asker
def remove(asker: Asker, id: str) -> None:
    """Take a breakpoint away; who is stopped there goes on."""
    asker.show("break.remove", {"id": id})


_side = click.option("--side", type=click.Choice(["client", "backend"]))


@click.command("step", cls=CtlCommand)
@click.argument("id", type=int)
@click.argument("kind", type=click.Choice(["read", "write", "event"]))
@_side
@pass_asker
def step(asker: Asker, /, **params: Any) -> None:
    """Let a stopped session make one call; it stays stopped."""
    asker.show("step", params)


@click.command("continue", cls=CtlCommand)
@click.argument("id", type=int, required=False)
@click.option("--all", is_flag=True, help="All sessions that are stopped.")
@pass_asker
def go_on(asker: Asker, /, **params: Any) -> None:
    """Let a stopped session go on, or all."""
    if (params["id"] is None) != params["all"]:
        raise click.UsageError("give the ID of a session, or --all")
    asker.show("continue", params)


@click.command("pending", cls=CtlCommand)
@click.argument("id", type=int)
@_side
@click.option("--first", type=click.IntRange(min=0), help="Show those from this one on.")
@click.option("--set", metavar="HEX", help="Change bytes: hex digits; their number stays.")
@click.option(
    "--at",
    type=click.IntRange(min=0),
    metavar="OFFSET",
    help="From this one on; without it from the first.",
)
@pass_asker
def pending(asker: Asker, /, **params: Any) -> None:
    """The bytes of a stopped session that wait to be sent to its client (or --side backend)."""
    if params["at"] is not None and not params["set"]:
        raise click.UsageError("--at is where --set HEX changes bytes")
    asker.show("pending", params)


COMMANDS = (breaking, step, go_on, pending)
