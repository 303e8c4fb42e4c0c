"""`rsp keys`: every key of the dashboard by its id, and the file that gives them others."""

import click


@click.command("keys")
def command() -> None:
    """List the keys of the dashboard: id, keys, screen, and what they do.

    The file that is named at the end gives keys of your own: a JSON object of ids and keys, such
    as {"freeze": "F4", "copy": "y, ctrl+y"}. What is wrong with it is said here, and ignored.
    """
    import os

    from rsp.cli.table import as_table
    from rsp.tui.key import written
    from rsp.tui.keymap import KEYS
    from rsp.tui.preferences import Preferences
    from rsp.tui.screens.tabs import TAB_KEYS

    preferences = Preferences.of(os.environ)
    own, complaints = preferences.load_keys()
    rows = [
        (
            key.id,
            " ".join(written(name) for name in own.get(key.id, key.keys).split(",")),
            key.where,
            key.tooltip,
        )
        for key in (*TAB_KEYS, *KEYS)
    ]
    click.echo(as_table(("ID", "KEYS", "WHERE", "WHAT IT DOES"), rows))
    place = preferences.keys or "nowhere, for neither XDG_CONFIG_HOME nor HOME is set"
    click.echo(f"\nKeys of your own: {place}")
    if complaints:
        click.echo(complaints, err=True)
