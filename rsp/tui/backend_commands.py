"""The palette's commands for backends: `weight web1 60`, `drain web/web2`, `backend web1`."""

from collections.abc import Callable

from rsp.core.backends import WEIGHT_MAX
from rsp.tui.palette import Command
from rsp.tui.screens.shell import Shell

_STATES = {
    "ready": "Give a backend new work again",
    "drain": "Give a backend no new work, and let the present end",
    "maint": "Take a backend out of service",
}


def backend_commands(app: Shell) -> list[Command]:
    """Return the commands; a backend is meant by `POOL/NAME`, or by a name that is the only one."""
    commands = [
        Command("backend", "NAME", "Show one backend", _with_key(app, app.show_backend)),
        Command("weight", "NAME N", "Give a backend a weight", _weighing(app), True),
    ]
    commands += [
        Command(state, "NAME", help_text, _stating(app, state), True)
        for state, help_text in _STATES.items()
    ]
    return commands


def _with_key(app: Shell, act: Callable[[str], None]) -> Callable[[str], None]:
    def run(argument: str) -> None:
        keys = [argument] if "/" in argument else app.model.backends.keys_named(argument)
        if len(keys) == 1:
            act(keys[0])
        elif keys:
            app.say(f"Several pools have a backend {argument}: {', '.join(keys)}.", is_error=True)
        else:
            app.say(f"There is no backend {argument!r}; 2 shows them.", is_error=True)

    return run


def _stating(app: Shell, state: str) -> Callable[[str], None]:
    return _with_key(app, lambda key: app.give("backend.set", {"target": key, "state": state}))


def _weighing(app: Shell) -> Callable[[str], None]:
    def run(argument: str) -> None:
        name, _, number = argument.rpartition(" ")
        if not (number.isascii() and number.isdigit()) or int(number) > WEIGHT_MAX:
            app.say(f"Give a backend and its weight, 0 to {WEIGHT_MAX}: web1 60.", is_error=True)
            return
        weight = int(number)
        act = _with_key(app, lambda key: app.give("backend.set", {"target": key, "weight": weight}))
        act(name.strip())

    return run
