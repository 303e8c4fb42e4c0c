"""The palette's command for faults: `fault add latency latency=200`, `fault remove all`."""

from rsp.tui.palette import Command
from rsp.tui.screens.shell import Shell

_USAGE = "Say `fault add KIND NAME=VALUE…` or `fault remove ID|all`; T shows the kinds."
_SCOPES = ("listener", "pool", "backend", "session", "direction")
"""What is no value of the fault itself."""


def fault_commands(app: Shell) -> list[Command]:
    """Return the command."""

    def run(argument: str) -> None:
        words = argument.split()
        match words:
            case ["add", kind, *given] if all("=" in word for word in given):
                app.give("fault.add", _params(kind, given))
            case ["remove", which]:
                app.give("fault.remove", {"id": which})
            case _:
                app.say(_USAGE, is_error=True)

    help_text = "Break something on purpose, or mend it"
    return [Command("fault", "add KIND NAME=VALUE… | remove ID", help_text, run, True)]


def _params(kind: str, given: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    params: dict[str, object] = {"kind": kind, "values": values}
    for word in given:
        name, _, value = word.partition("=")
        if name == "session" and value.isascii() and value.isdigit():
            params[name] = int(value)
        elif name in _SCOPES:
            params[name] = value
        else:
            values[name] = value
    return params
