"""`rsp ctl fault`: faults on purpose."""

from typing import Any

import click

from rsp.cli.asker import Asker, CtlCommand, CtlGroup, pass_asker
from rsp.cli.explained import write_fault_kinds
from rsp.cli.finite import FiniteRange


@click.group("fault", cls=CtlGroup)
def fault() -> None:
    """Break things on purpose, and mend them."""


class _WithValues(CtlCommand):
    """A command that takes whatever options a kind of fault has: only the engine knows them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the known options first; the rest are the values."""
        rest = super().parse_args(ctx, args)
        ctx.params["values"] = _values(list(ctx.args), ctx)
        ctx.args = []
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say which kinds there are."""
        write_fault_kinds(formatter)


def _values(words: list[str], ctx: click.Context) -> dict[str, str]:
    values: dict[str, str] = {}
    while words:
        option = words.pop(0)
        name, has_value, value = option.partition("=")
        if not name.startswith("--"):
            raise click.UsageError(f"Got unexpected extra argument ({option})", ctx)
        if not has_value:
            if not words:
                raise click.UsageError(f"Option {option} needs a value", ctx)
            value = words.pop(0)
        values[name[2:].replace("-", "_")] = value
    return values


@fault.command(
    "add",
    cls=_WithValues,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[--key value] [OPTIONS]",
)
@click.argument("kind")
@click.option("--listener", metavar="ADDRESS", help="Only for who comes in here.")
@click.option("--pool", help="Only for what goes to this pool.")
@click.option("--backend", metavar="POOL/NAME", help="Only for what goes to this backend.")
@click.option("--session", type=int, metavar="ID", help="Only for this session.")
@click.option("--direction", type=click.Choice(["request", "response"]))
@click.option("--first", type=click.IntRange(min=0), help="Only for the first N it meets.")
@click.option("--every", type=click.IntRange(min=1), help="Only for every Nth it meets.")
@click.option("--toxicity", type=FiniteRange(0, 1), help="Only for this share, by chance.")
@click.option("--seed", type=int, help="Of the random numbers; the same one, the same faults.")
@click.option("--name", help="A name of your own.")
@pass_asker
def add(asker: Asker, /, values: dict[str, str], **params: Any) -> None:
    """Put a fault of KIND in force, for the present sessions too.

    Its values are options: fault add latency --latency 200 --jitter 50
    """
    asker.show("fault.add", {**params, "values": values})


@fault.command("list")
@pass_asker
def listed(asker: Asker) -> None:
    """All faults in force."""
    asker.show("fault.list", {})


@fault.command("remove")
@click.argument("id", metavar="ID|NAME|all")
@pass_asker
def remove(asker: Asker, id: str) -> None:
    """Take a fault away, or those of a name; what it held back goes on."""
    asker.show("fault.remove", {"id": id})
