"""`rsp init`: a commented configuration to begin with."""

from importlib.resources import files

import click


@click.command("init")
@click.argument("file", default="rsp.lua", metavar="[FILE]")
def command(file: str) -> None:
    """Write a commented sample configuration to FILE (rsp.lua). It overwrites nothing."""
    from rsp.core.sanitise import safe

    sample = files("rsp.cli").joinpath("sample.lua").read_text(encoding="utf-8")
    try:
        with open(file, "x", encoding="utf-8") as target:
            target.write(sample)
    except FileExistsError as error:
        raise click.ClickException(
            safe(f"{file} is already there, and was left as it is; name another file")
        ) from error
    except OSError as error:
        raise click.ClickException(safe(f"cannot write {file}: {error.strerror}")) from error
    click.echo(safe(f"wrote {file}; look at it, then: rsp check {file} && rsp run {file}"))
