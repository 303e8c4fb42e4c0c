"""`rsp serve`: an engine alone."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rsp.cli.failure import WRONG_USAGE, Failure

if TYPE_CHECKING:
    from rsp.engine.lua_config import LoadedConfig

F = TypeVar("F", bound=Callable[..., Any])


def source_options(function: F) -> F:
    """Add what `serve` and `run` share: where the configuration comes from, where to listen."""
    for option in (
        click.option("--log-level", type=click.Choice(["debug", "info", "warn", "error"]),
                     default="info", help="Log events from this level on."),
        click.option("--log-format", type=click.Choice(["text", "json"]), default="text",
                     help="Form of the log's lines."),
        click.option("--control", type=click.Path(path_type=Path), metavar="PATH",
                     help="Path of the control socket."),
        click.option("--user", metavar="NAME[:GROUP]",
                     help="Become this user once the ports are open; for one started as root."),
        click.option("--state", metavar="FILE",
                     help="Keep live edits here from one run to the next; `none` keeps none. By "
                          "default in $XDG_STATE_HOME/rsp/edits; with --to nowhere."),
        click.option("--toxiproxy-api", metavar="ADDRESS",
                     help="Answer toxiproxy's HTTP API at this loopback address: 127.0.0.1:8474."),
        click.option("--listen", metavar="ADDRESS",
                     help="Listen here, whatever the file says: 127.0.0.1:8080, [::1]:0, "
                          "unix:/PATH."),
        click.option("--to", "url", metavar="URL",
                     help="Send everything to one backend: http://127.0.0.1:8000, unix:/PATH."),
        click.argument("config", required=False, type=click.Path(path_type=Path)),
    ):  # fmt: skip
        function = option(function)
    return function


def check_source(config: Path | None, url: str | None) -> None:
    """See that there is one thing to run; a wrong usage when there is none, or are two."""
    if (config is None) == (url is None):
        raise click.UsageError(
            "give a configuration file or --to URL, one of them (`rsp init` writes a file)"
        )


@click.command("serve")
@source_options
@click.option("--ready-fd", type=int, hidden=True)
@click.option("--log-beside-control", is_flag=True, hidden=True)
def command(
    config: Path | None,
    url: str | None,
    listen: str | None,
    control: Path | None,
    log_format: str,
    log_level: str,
    user: str | None,
    toxiproxy_api: str | None,
    state: str | None,
    ready_fd: int | None,
    log_beside_control: bool,
) -> None:
    """Run an engine alone, until SIGTERM; a second one ends it at once, SIGHUP reloads."""
    loaded = load(config, url, listen)
    check_loopback(toxiproxy_api)
    from rsp.core.addresses import AddressError
    from rsp.core.config import ConfigError
    from rsp.core.vocabulary import EventLevel
    from rsp.engine.control_path import ControlPathRefused
    from rsp.engine.nonblocking import CannotListen
    from rsp.engine.privileges import UserRefused, find_account
    from rsp.engine.process import ServeOptions, serve

    try:
        account = find_account(user) if user is not None else None
    except UserRefused as error:
        raise Failure(str(error), WRONG_USAGE) from error
    options = ServeOptions(
        listen=listen,
        control=control,
        log_as_json=log_format == "json",
        log_level=EventLevel(log_level),
        log_beside_control=log_beside_control,
        account=account,
        toxiproxy_api=toxiproxy_api,
        state=_state_path(state, config),
        ready_fd=ready_fd,
    )
    try:
        serve(loaded, options)
    except (AddressError, CannotListen, ConfigError, ControlPathRefused, UserRefused) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"cannot start: {error}") from error


def _state_path(state: str | None, config: Path | None) -> Path | None:
    """Return the file that `--state` means.

    Raises:
        click.UsageError: it is a directory, or empty.
    """
    from rsp.engine.keeping import default_state_path

    if state == "none":
        return None
    if state == "":
        raise click.UsageError("--state: name a file, or none")
    if state is not None and Path(state).is_dir():
        raise click.UsageError(f'--state: "{state}" is a directory; name a file, or none')
    if state is not None:
        return Path(state)
    return default_state_path(config, os.environ) if config is not None else None


def check_loopback(address: str | None) -> None:
    """Refuse an address of the toxiproxy API that others could reach: it asks for no password.

    Raises:
        click.UsageError: it is none of ours alone, or no address.
    """
    from ipaddress import ip_address

    from rsp.core.addresses import AddressError, parse_address

    if address is None:
        return
    try:
        host, _ = parse_address(address, port_zero=True)
        is_ours = host == "localhost" or ip_address(host).is_loopback
    except (AddressError, ValueError) as error:
        raise click.UsageError(f"--toxiproxy-api: {error}") from error
    if not is_ours:
        raise click.UsageError(
            f"--toxiproxy-api: others could reach {address}, and it asks for no password; "
            "name a loopback address, such as 127.0.0.1:8474"
        )


def load(config: Path | None, url: str | None, listen: str | None) -> "LoadedConfig":
    """Load what the command line names.

    Raises:
        Failure: neither or both of a file and `--to`, or what is there cannot be used.
    """
    from rsp.core.addresses import AddressError, parse_address
    from rsp.core.config import ConfigError
    from rsp.engine.lua_config import LoadedConfig, config_for_url, load_config

    check_source(config, url)
    try:
        if listen is not None:
            parse_address(listen, port_zero=True)
        if url is not None:
            return LoadedConfig(config_for_url(url, listen), None)
        return load_config(str(config), or_pipe=True)
    except ConfigError as error:
        raise Failure(str(error)) from error
    except AddressError as error:
        raise click.UsageError(f"--listen: {error}") from error
