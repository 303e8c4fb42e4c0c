"""Pieces of configurations, so that a test shows only what it is about."""

from tests.behaviour.scripted import Backend

LISTEN = 'listen { address = "127.0.0.1:0" }\n'


LUA_SOON_MET = "limits { lua_instructions = 100000, lua_memory_bytes = 4194304 }\n"
"""On no machine is the time of a call over before these budgets are used up."""


def pool(*backends: Backend | str, name: str = "web", settings: str = "", each: str = "") -> str:
    """Return a `pool` of a configuration, its backends called `<name>1`, `<name>2`, …"""
    rows = [
        f'{{ name = "{name}{number}", address = "{getattr(entry, "address", entry)}"{each} }},'
        for number, entry in enumerate(backends, 1)
    ]
    listed = "\n    ".join(rows)
    return f'pool("{name}", {{ {settings}\n  backends = {{\n    {listed}\n  }},\n}})\n'


def original(backend_port: int) -> str:
    """Return the three globals of the C original; the kernel chooses the port to listen on."""
    return f'listenPort = "0"\nbackendAddress = "127.0.0.1"\nbackendPort = "{backend_port}"\n'
