"""`rsp check`: validate a configuration, run its `-- expect:` lines, look for what is suspect."""

from pathlib import Path

import click


@click.command("check")
@click.argument("config", metavar="CONFIG.lua")
@click.option(
    "--traffic",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Try route on recorded requests too. FILE is from `ctl decisions --export`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(context: click.Context, config: str, as_json: bool, traffic: Path | None) -> None:
    """Validate a configuration without starting anything.

    Runs its `-- expect:` lines too. Exit status: 0 clean, 1 there are findings (advice does not
    count), 2 it does not load.
    """

    from rsp.core.config import ConfigError
    from rsp.core.linting.finding import CheckReport, Finding
    from rsp.core.sanitise import json_of, safe
    from rsp.core.vocabulary import Severity
    from rsp.engine.check import check
    from rsp.engine.lua_config import load_config
    from rsp.engine.traffic_file import TrafficError, requests_in

    try:
        loaded = load_config(config, or_pipe=True)
        findings = check(loaded, requests_in(traffic) if traffic is not None else ())
        status = int(any(finding.severity is not Severity.ADVICE for finding in findings))
    except TrafficError as error:
        raise click.UsageError(str(error)) from error
    except ConfigError as error:
        findings = [Finding("broken", Severity.ERROR, error.line, str(error))]
        status = 2
    if as_json:
        click.echo(json_of(CheckReport(config, findings)))
    elif status == 2:
        click.echo(safe(findings[0].message), err=True)
    else:
        for finding in findings:
            place = config if finding.line is None else f"{config}:{finding.line}"
            message = f"{finding.severity}: {finding.message} [{finding.rule}]"
            click.echo(safe(f"{place}: {message}"))
        if not findings:
            click.echo(safe(f"{config}: nothing to complain about"))
    context.exit(status)
