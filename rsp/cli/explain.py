"""`rsp explain`: which backend a request would get from a configuration on disk, and why."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rsp.core.explaining import Explanation


@click.command("explain")
@click.argument("config", metavar="CONFIG.lua")
@click.argument("method")
@click.argument("url")
@click.option("-H", "--header", "headers", multiple=True, help="A header field: 'Name: value'.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context,
    config: str,
    method: str,
    url: str,
    headers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say where a request would go and why, without traffic.

    The answer is that of an idle engine that has just started. Exit status 2: the configuration
    does not load, or the request cannot be one.
    """

    from rsp.core.config import ConfigError
    from rsp.core.expectations import ExpectationError, asked_for
    from rsp.core.sanitise import json_of, safe
    from rsp.engine.lua_config import load_config
    from rsp.engine.rehearsal import explain

    try:
        loaded = load_config(config)
        answer = explain(loaded, asked_for(method, url, headers))
    except (ConfigError, ExpectationError) as error:
        click.echo(safe(str(error)), err=True)
        context.exit(2)
    if as_json:
        click.echo(json_of(answer))
        return
    for line in _lines(f"{method} {url}", answer):
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
