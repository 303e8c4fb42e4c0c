"""`rsp run`: an engine as a child of its own, with the dashboard in front of it."""

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import click

from rsp.cli.failure import Failure
from rsp.cli.link import Link
from rsp.cli.screen import color_option, is_terminal, show
from rsp.cli.serve import check_source, source_options


@click.command("run")
@source_options
@color_option
@click.pass_context
def command(
    ctx: click.Context,
    config: Path | None,
    url: str | None,
    listen: str | None,
    control: Path | None,
    log_format: str,
    log_level: str,
    user: str | None,
    toxiproxy_api: str | None,
    state: str | None,
) -> None:
    """Start an engine and show its dashboard; without a terminal, the same as `rsp serve`."""
    check_source(config, url)
    if not is_terminal():
        from rsp.cli.serve import command as serve

        ctx.invoke(
            serve, config=config, url=url, listen=listen, control=control,
            log_format=log_format, log_level=log_level, user=user, toxiproxy_api=toxiproxy_api,
            state=state,
        )  # fmt: skip
        return
    arguments = [str(config)] if config is not None else ["--to", str(url)]
    for option, value in (
        ("--listen", listen), ("--control", control), ("--user", user),
        ("--toxiproxy-api", toxiproxy_api), ("--state", state),
    ):  # fmt: skip
        if value is not None:
            arguments += [option, str(value)]
    arguments += ["--log-format", log_format, "--log-level", log_level]
    try:
        child, path = start_engine(arguments)
    except EngineFailed as error:
        _offer_running_one(str(error), listen)
        return
    _show_and_end(child, path)


class EngineFailed(Exception):
    """The engine did not start. The text is what it said."""


def start_engine(arguments: list[str]) -> "tuple[subprocess.Popen[bytes], Path]":
    """Start `rsp serve` in a session of its own, without our terminal; wait until it is ready.

    Returns the process and the path of its control socket.

    Raises:
        EngineFailed: it ended before it was ready.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "rsp", "serve", *arguments,
             "--log-beside-control", "--ready-fd", str(writing)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True, pass_fds=[writing],
        )  # fmt: skip
        os.close(writing)
        try:
            with os.fdopen(reading, "rb") as ready:
                path = ready.read()
        except BaseException:
            # Nobody would know of it.
            child.terminate()
            child.wait()
            raise
        if path:
            return child, Path(os.fsdecode(path))
        child.wait()
        raise EngineFailed(_what_was_said(said))


def _what_was_said(said: IO[bytes]) -> str:
    said.seek(0)
    text = said.read().decode("utf-8", "replace").strip()
    return text or "the engine ended without a word"


def _show_and_end(child: "subprocess.Popen[bytes]", path: Path) -> None:
    choice = "leave"
    try:
        choice = show(path, read_only=False, engine_is_child=True)
    except KeyboardInterrupt:
        # There was no screen yet, for there it is a key: whoever broke off wants no engine.
        choice = "stop"
        raise
    finally:
        if child.poll() is not None:
            click.echo(f"The engine (pid {child.pid}) has ended with status {child.returncode}.")
        elif choice == "stop":
            _stop(child, path)
        else:
            click.echo(f"The engine runs on (pid {child.pid}).  rsp attach --control {path}")


def _stop(child: "subprocess.Popen[bytes]", path: Path) -> None:
    with contextlib.suppress(Failure), Link(path) as link:
        link.ask_raw("stop", {})
        click.echo("Stopping: waiting for the last sessions to end (ctrl+c ends it at once).")
    try:
        # The engine knows how long its sessions may take: `drain_s`.
        child.wait()
    except KeyboardInterrupt:
        child.kill()
        child.wait()


def _offer_running_one(said: str, listen: str | None) -> None:
    """The port may be taken by another rsp: then its dashboard may be what is wanted."""
    from rsp.core.addresses import AddressError, parse_address
    from rsp.engine.control_path import control_directory, is_alive

    with contextlib.suppress(AddressError):
        port = _port_in(said) or (parse_address(listen)[1] if listen else None)
        path = control_directory() / f"{port}.sock"
        if "in use" in said and port and is_alive(path):
            click.echo(said, err=True)
            if click.confirm(f"Another rsp serves port {port}. Attach to it?", default=True):
                show(path, read_only=False, engine_is_child=False)
                return
    raise Failure(said)


def _port_in(said: str) -> int | None:
    """Return the port that the engine could not listen on, from its own words."""
    words = said.rpartition("cannot listen on ")[2].partition(": ")[0]
    digits = words.rpartition(":")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else None
