"""The part of the soak in which the configuration attacks the engine that it runs in; rsp alone.

Each of the attacks of `tests/lua_attacks.py` is the `route` of its own path. They come one after
the other beside ordinary traffic, which has to wait while one of them runs, and no longer.
"""

import http.client
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from bench.soak.stage import READY_S, Outcome, Stage, live, measured, note_live
from tests.lua_attacks import RUNS_FOREVER, TOO_COSTLY

ATTACKS_PER_S = 4.0
BASELINE_S = 10.0
ATTACK_S = 40.0

BODIES = [*RUNS_FOREVER.values(), *(body for body, _ in TOO_COSTLY.values())]
ROUTE = (
    "\nlocal attacks = {}\n"
    + "".join(f"attacks[{at}] = function()\n{body}\nend\n" for at, body in enumerate(BODIES))
    + """
function route(request)
  local attack = attacks[tonumber(request.path:match("^/attack/(%d+)$"))]
  if attack then attack() end
  return "web"
end
"""
)


class Attacker:
    """Asks for one attack after the other in a thread, until it is told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.counts: dict[int, int] = {}
        """How often each status was answered."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        at = 0
        while not self._over.wait(1 / ATTACKS_PER_S):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=READY_S)
            connection.request("GET", f"/attack/{at % len(BODIES)}")
            status = connection.getresponse().status
            connection.close()
            self.counts[status] = self.counts.get(status, 0) + 1
            at += 1

    def __enter__(self) -> "Attacker":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for the last answer."""
        self._over.set()
        self._thread.join()


def ctl(control: Path, command: str) -> dict[str, Any]:
    """Give a command to the engine, and return what it answers."""
    words = [sys.executable, "-m", "rsp", "ctl", command, "--json", "--control", str(control)]
    return dict(json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout))


def lua_attacks(stage: Stage) -> Outcome:
    """Run every attack beside ordinary traffic. Needs rsp: nobody else has a `route`."""
    seconds = stage.scale.seconds(ATTACK_S)
    outcome = Outcome(f"{len(BODIES)} attacks in turn, {ATTACKS_PER_S:g}/s, {seconds:.0f} s")
    proxy = stage.proxy
    if proxy.control is None:
        raise SystemExit(f"soak: {proxy.name} has no route to attack it; try --proxy rsp")
    config = Path(ctl(proxy.control, "status")["config"])
    # A listener with a pool of its own asks no route.
    config.write_text(config.read_text().replace('pool = "web", ', "", 1) + ROUTE)
    ctl(proxy.control, "reload")
    with (
        measured(stage, outcome, stage.scale.seconds(BASELINE_S)),
        Attacker(proxy.port) as attacker,
        live(stage, seconds) as beside,
    ):
        note_live(outcome, beside.result(seconds + READY_S))
    answered = ", ".join(f"{count} x {status}" for status, count in attacker.counts.items())
    outcome.remark = f"attacks were answered {answered}"
    return outcome
