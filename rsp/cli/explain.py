"""`rsp explain`: which backend a request would get from a configuration on disk, and why."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rsp.core.explaining import Explanation


@click.command("explain")
@click.argument("config", metavar="CONFIG.lua")
@click.argument("method", required=False)
@click.argument("url", required=False)
@click.option(
    "--traffic",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where would recorded requests go? FILE is from `ctl decisions --export`.",
)
@click.option("-H", "--header", "headers", multiple=True, help="A header field: 'Name: value'.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context,
    config: str,
    method: str | None,
    url: str | None,
    headers: tuple[str, ...],
    as_json: bool,
    traffic: Path | None,
) -> None:
    """Say where a request would go and why, line by line, without traffic.

    The answer is that of an idle engine that has just started. Exit status 2: the configuration
    does not load, or the request cannot be one.
    """

    if traffic is not None and method is None:
        _tell_traffic(context, config, traffic, as_json=as_json)
        return
    if traffic is not None or method is None or url is None:
        raise click.UsageError("give METHOD and URL, or --traffic FILE")
    from rsp.core.config import ConfigError
    from rsp.core.expectations import ExpectationError, asked_for
    from rsp.core.sanitise import json_of, safe
    from rsp.engine.lua_config import load_config
    from rsp.engine.rehearsal import explain

    try:
        loaded = load_config(config, or_pipe=True)
        answer = explain(loaded, asked_for(method, url, headers))
    except (ConfigError, ExpectationError) as error:
        click.echo(safe(str(error)), err=True)
        context.exit(2)
    if as_json:
        click.echo(json_of(answer))
        return
    for line in _lines(f"{method} {url}", answer):
        click.echo(safe(line))


def _tell_traffic(context: click.Context, config: str, file: Path, *, as_json: bool) -> None:
    """Say where the recorded requests of a file would go."""
    from rsp.core.config import ConfigError
    from rsp.core.sanitise import json_of, safe
    from rsp.core.what_if_text import what_if_lines
    from rsp.engine.lua_config import load_config
    from rsp.engine.traffic_file import TrafficError, compare_file

    try:
        found = compare_file(load_config(config, or_pipe=True), file)
    except (ConfigError, TrafficError) as error:
        click.echo(safe(str(error)), err=True)
        context.exit(2)
    if as_json:
        click.echo(json_of(found))
        return
    for line in what_if_lines(found):
        click.echo(safe(line))


def _lines(request: str, answer: "Explanation") -> list[str]:
    from rsp.cli.text import policy_lines, trace_lines

    target = f"{answer.pool}/{answer.backend}" if answer.backend else "nowhere"
    lines = [f"{request} -> {target}"]
    if answer.error:
        lines.append(f"  error       {answer.error}")
    lines.append(f"  reason      {answer.reason}")
    if answer.key is not None:
        lines.append(f"  key         {answer.key}")
    width = max((len(row.name) for row in answer.candidates), default=0)
    title = "candidates"
    for row in answer.candidates:
        lines.append(f"  {title:<10}  {row.name:<{width}}  weight {row.weight}  {row.verdict}")
        title = ""
    lines += [f"  {line}" for line in (*policy_lines(answer), *trace_lines(answer))]
    return lines
