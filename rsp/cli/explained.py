"""Commands whose help also says what may be written for an argument, as the engine reads it."""

from collections.abc import Collection, Sequence

import click

from rsp.cli.asker import CtlCommand


class WithFilter(CtlCommand):
    """A command that takes a filter."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say the filter language, and the names that it knows."""
        from rsp.core.filter import LANGUAGE

        _list(formatter, "Filters", LANGUAGE)
        super().format_epilog(ctx, formatter)


def write_fault_kinds(formatter: click.HelpFormatter) -> None:
    """Say which kinds of fault there are, and which values each one takes."""
    from rsp.core.faults.kinds import KINDS

    _list(formatter, "Kinds", [
        (name, f"{kind.meaning} {_values(kind.values)}".rstrip()) for name, kind in KINDS.items()
    ])  # fmt: skip


def _values(names: Collection[str]) -> str:
    return f"({', '.join(f'--{name}' for name in names)})" if names else ""


def _list(formatter: click.HelpFormatter, title: str, rows: Sequence[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(rows)
