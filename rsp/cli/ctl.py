"""`rsp ctl`: one command for a running engine, as text for people or as JSON for programs."""

import sys
from pathlib import Path
from typing import Any

import click

from rsp.cli.asker import (
    Asker,
    CtlGroup,
    change_options,
    generation_option,
    limit_option,
    pass_asker,
    preview_option,
)
from rsp.cli.ctl_break import COMMANDS as BREAK_COMMANDS
from rsp.cli.ctl_fault import fault
from rsp.cli.explained import WithFilter
from rsp.cli.failure import Failure
from rsp.cli.finite import FiniteRange
from rsp.core.sanitise import json_of, safe


@click.group("ctl", cls=CtlGroup)
def command() -> None:
    """Give one command to a running engine. Exit: 0 done, 1 refused, 2 usage, 3 no engine."""


command.add_command(fault)
for _each in BREAK_COMMANDS:
    command.add_command(_each)


def _plain(name: str, text: str) -> None:
    @command.command(name, help=text)
    @pass_asker
    def run(asker: Asker) -> None:
        asker.show(name, {})


_plain("status", "How the engine itself is.")
_plain("pauses", "Who blocks whom: what is not read, and for whom, biggest first.")
_plain("backends", "Every pool with its backends.")
_plain("edits", "The live edits on top of the file, and who made which generation.")
_plain("config", "The configuration that runs, and what is on disk.")


@command.command("connections", cls=WithFilter)
@click.option("--filter", "filter_text", metavar="EXPR", help="fill>50% host~re …")
@click.option("--sort", metavar="FIELD", help="A field by its JSON name; -FIELD: largest first.")
@limit_option
@pass_asker
def connections(asker: Asker, filter_text: str | None, sort: str | None, limit: int | None) -> None:
    """The sessions that are open."""
    asker.show("connections", {"filter": filter_text, "sort": sort, "limit": limit})


@command.command("connection")
@click.argument("id", type=int)
@pass_asker
def connection(asker: Asker, id: int) -> None:
    """All that is known of one session, also of the last closed ones."""
    asker.show("connection", {"id": id})


@command.command("exchanges")
@limit_option
@pass_asker
def exchanges(asker: Asker, limit: int | None) -> None:
    """The last finished requests, newest first."""
    asker.show("exchanges", {"limit": limit})


@command.command("autopsies")
@limit_option
@click.option("--reason", metavar="REASON", help="Only these: backend_gone …, or a code: SD.")
@pass_asker
def autopsies(asker: Asker, limit: int | None, reason: str | None) -> None:
    """How the last sessions ended, newest first."""
    asker.show("autopsies", {"limit": limit, "reason": reason})


@command.command("decisions", cls=WithFilter)
@limit_option
@click.option("--filter", "filter_text", metavar="EXPR", help="generation<7 host~re backend:web2")
@click.option("--export", "file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write them to a file, one JSON object a line.")  # fmt: skip
@pass_asker
def decisions(asker: Asker, limit: int | None, filter_text: str | None, file: Path | None) -> None:
    """The last routing decisions, oldest first."""
    wanted = {"limit": limit, "filter": filter_text}
    if file is None:
        asker.show("decisions", wanted)
        return
    with asker.link() as link:
        given = {key: value for key, value in wanted.items() if value is not None}
        found = link.ask("decisions", dict[str, Any], with_inputs=True, **given)
    lines = [json_of(row) + "\n" for row in found["decisions"]]
    try:
        file.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from error
    if asker.as_json:
        click.echo(json_of({"file": str(file), "decisions": len(lines)}))
    else:
        click.echo(f"{len(lines):,} decisions written to {file}", err=True)


@command.command("audit")
@pass_asker
def audit(asker: Asker) -> None:
    """Names that reached more than one backend, because they were spelled in more than one way."""
    from rsp.core.audit import audit as audited
    from rsp.core.decision_rows import Decisions
    from rsp.core.replies import Backends

    with asker.link() as link:
        decisions, backends = link.ask("decisions", Decisions), link.ask("backends", Backends)
    report = audited(decisions.decisions, backends)
    asker.print("audit", json_of(report).encode())


@command.command("explain")
@click.argument("method", required=False)
@click.argument("url", required=False)
@click.option("-H", "--header", multiple=True, metavar="'NAME: VALUE'")
@click.option("--decision", type=click.IntRange(min=1), metavar="SEQ",
              help="A recorded decision, by its number in `decisions`.")  # fmt: skip
@pass_asker
def explain(
    asker: Asker,
    method: str | None,
    url: str | None,
    header: tuple[str, ...],
    decision: int | None,
) -> None:
    """Where a request would go now, and why, line by line; nothing is sent.

    With --decision: why a recorded one went where it went.
    """
    if decision is not None and method is None:
        asker.show("explain", {"decision": decision})
    elif decision is None and url is not None:
        asker.show("explain", {"method": method, "url": url, "header": list(header)})
    else:
        raise click.UsageError("give METHOD and URL, or --decision SEQ")


@command.command("events")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--since", type=int, default=0, metavar="SEQ", help="Those after this number.")
@limit_option
@pass_asker
def events(asker: Asker, follow: bool, since: int, limit: int | None) -> None:
    """What happened, oldest first."""
    if not follow:
        asker.show("events", {"since": since, "limit": limit})
        return
    with asker.link() as link:
        while True:
            answer = link.ask("events", dict[str, Any], since=since, wait_s=30, limit=limit)
            # It is for how many to begin with.
            since, limit = answer["next_since"], None
            if answer["dropped"] and not asker.as_json:
                click.echo(f"… {answer['dropped']} events are no longer kept")
            for event in answer["events"]:
                click.echo(json_of(event) if asker.as_json else _event_line(event))
            sys.stdout.flush()


def _event_line(event: dict[str, Any]) -> str:
    return f"{event['seq']:>6}  {event['at']}  {event['level']:<5}  {safe(event['message'])}"


@command.command("reload")
@preview_option
@click.option("--drop-edits", is_flag=True, help="Drop the live edits: the file alone decides.")
@change_options
@pass_asker
def reload(asker: Asker, /, **params: Any) -> None:
    """Read the configuration file again. A broken one changes nothing."""
    asker.show("reload", params)


@command.command("write-back")
@click.option("--preview", is_flag=True, help="Only show the diff.")
@generation_option
@pass_asker
def write_back(asker: Asker, preview: bool, if_generation: int | None) -> None:
    """Write the live edits into the configuration file, and keep the old text beside it."""
    asker.show("write-back", {"preview": preview, "if_generation": if_generation})


def _step(name: str, text: str) -> None:
    @command.command(name, help=text)
    @change_options
    @pass_asker
    def run(asker: Asker, /, **params: Any) -> None:
        asker.show(name, params)


_step("undo", "Take back the last live edit or reload; the file on disk stays as it is.")
_step("redo", "Do again what was undone last.")


@command.command("confirm")
@generation_option
@pass_asker
def confirm(asker: Asker, if_generation: int | None) -> None:
    """Keep the change that is on trial."""
    asker.show("confirm", {"if_generation": if_generation})


@command.command("old-sessions")
@click.option("--drain", is_flag=True, help="End each with its present exchange, idle ones now.")
@click.option("--close", is_flag=True, help="Close each now.")
@click.option("--before", type=int, metavar="GENERATION", help="Not the present one: this one.")
@pass_asker
def old_sessions(asker: Asker, /, **params: Any) -> None:
    """Sessions that still go where an old generation sent them."""
    asker.show("old-sessions", params)


def _directed(name: str, text: str) -> None:
    @command.command(name, help=text)
    @click.argument("id", type=int)
    @click.option("--direction", type=click.Choice(["request", "response"]))
    @pass_asker
    def run(asker: Asker, id: int, direction: str | None) -> None:
        asker.show(name, {"id": id, "direction": direction})


_directed("pause", "Stop reading one side of a session, or both.")
_directed("resume", "Read on what was paused.")
_directed("peek", "The bytes that the sides of a watched session sent, without secrets.")


@command.command("watch")
@click.argument("id", type=int)
@click.option("--off", is_flag=True, help="Stop recording, and forget what was recorded.")
@pass_asker
def watch(asker: Asker, id: int, off: bool) -> None:
    """Record the system calls of one session; `connection ID` shows them."""
    asker.show("watch", {"id": id, "off": off})


@command.command("lowat")
@click.argument("id", type=int)
@click.argument("mark", metavar="BYTES|unlimited")
@click.option("--side", type=click.Choice(["client", "backend"]), help="Only of this one.")
@pass_asker
def lowat(asker: Asker, id: int, mark: str, side: str | None) -> None:
    """How many unsent bytes the kernel may hold for a session (TCP_NOTSENT_LOWAT)."""
    asker.show("lowat", {"id": id, "bytes": _bytes(mark), "side": side})


def _bytes(mark: str) -> int | str:
    """Return a number as one; of what is none, or is too long for one, the engine says so."""
    try:
        return int(mark)
    except ValueError:
        return mark


@command.command("close")
@click.argument("id", type=int)
@click.option("--reset", is_flag=True, help="By RST, at once; what is unsent is lost.")
@pass_asker
def close(asker: Asker, id: int, reset: bool) -> None:
    """Close both sides of a session."""
    asker.show("close", {"id": id, "reset": reset})


@command.command("stop")
@click.option("--drain", type=FiniteRange(min=0), metavar="SECONDS",
              help="How long the sessions may take to end.")  # fmt: skip
@pass_asker
def stop(asker: Asker, drain: float | None) -> None:
    """End the engine gently."""
    asker.show("stop", {"drain": drain})


@command.group("backend", cls=CtlGroup)
def backend() -> None:
    """Add, change and remove backends while traffic flows."""


@backend.command("add")
@click.argument("pool")
@click.argument("name")
@click.argument("address")
@click.option("--weight", type=int)
@click.option("--max-connections", type=int)
@preview_option
@change_options
@pass_asker
def backend_add(asker: Asker, /, **params: Any) -> None:
    """Add a backend: POOL NAME ADDRESS, such as web web3 127.0.0.1:9003."""
    asker.show("backend.add", params)


@backend.command("set")
@click.argument("target", metavar="POOL/NAME")
@click.option("--weight", type=int)
@click.option("--state", type=click.Choice(["ready", "drain", "maint"]))
@click.option("--address")
@click.option("--max-connections", type=int)
@preview_option
@change_options
@pass_asker
def backend_set(asker: Asker, /, **params: Any) -> None:
    """Change a backend; what is not given stays."""
    asker.show("backend.set", params)


@backend.command("remove")
@click.argument("target", metavar="POOL/NAME")
@click.option("--when-idle", is_flag=True, help="Drain it first, and remove it when it is idle.")
@preview_option
@change_options
@pass_asker
def backend_remove(asker: Asker, /, **params: Any) -> None:
    """Remove a backend; its sessions go on to their end."""
    asker.show("backend.remove", params)
