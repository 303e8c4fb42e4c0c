"""Runs the `route` of a configuration without traffic, and notes what it looked at."""

import time
from itertools import groupby
from typing import Any

from rsp.core.config import Config, ConfigError
from rsp.core.linting.arms import arms_of
from rsp.core.linting.runs import UNFORCED, Forced, Outcome, Run, Terrain, Test
from rsp.core.lua_limits import LINT_CPU_S, LINT_DEAR_RUNS
from rsp.core.route import RouteFailed, RouteRequest
from rsp.engine.lua_config import LuaRouter
from rsp.engine.lua_sandbox import Sandbox, SandboxError

_DEAR = ("ran for more than", "ran more than", "ran out of memory")
"""What the sandbox says of a call that spent its budget."""


class Probe:
    """The `route` of one configuration, in runtimes of its own."""

    def __init__(self, config: Config, terrain: Terrain) -> None:
        self._config = config
        self._terrain = terrain
        self.arms, self._source = arms_of(config.source)
        self._started_s = time.process_time()
        self._dear_runs = 0
        self._sandbox, self._router = self._made()

    def _made(self) -> tuple[Sandbox, LuaRouter]:
        """Return a new runtime that has loaded the configuration.

        Raises:
            ConfigError: the same text that was loaded cannot be loaded again.
        """
        sandbox = Sandbox(probing=True)
        limits = self._config.limits
        try:
            declared = sandbox.load(self._source.encode("utf-8", "surrogateescape"))
        except SandboxError as error:
            raise ConfigError(f"{self._config.path}: {error}") from error
        sandbox.set_budget(limits.lua_instructions, limits.lua_memory_bytes)
        path = self._config.path or ""
        return sandbox, LuaRouter(sandbox, path, declared.route_line, reads_headers=True)

    def is_spent(self) -> bool:
        """Tell whether this took so long that nothing further should be tried."""
        spent_s = time.process_time() - self._started_s
        return spent_s > LINT_CPU_S or self._dear_runs >= LINT_DEAR_RUNS

    def run(self, request: RouteRequest, forced: Forced = UNFORCED) -> Run:
        """Call `route` in the runtime that all calls share."""
        if self._router.broken:
            self._sandbox, self._router = self._made()
        self._sandbox.begin_probing(forced.arms, forced.tests)
        outcome = self._outcome(self._router, request)
        return _run(request, outcome, self._sandbox.probed())

    def run_afresh(self, request: RouteRequest) -> Run:
        """Call `route` in a new runtime, where no call before has left anything."""
        sandbox, router = self._made()
        outcome = self._outcome(router, request)
        return _run(request, outcome, sandbox.probed())

    def _outcome(self, router: LuaRouter, request: RouteRequest) -> Outcome:
        try:
            answer = router.route(request)
        except RouteFailed as error:
            message = str(error)
            self._dear_runs += any(words in message for words in _DEAR)
            return Outcome(None, None, message)
        return self._terrain.outcome(answer, request)


def _run(request: RouteRequest, outcome: Outcome, seen: dict[str, Any]) -> Run:
    tests = [
        Test(test["line"], test["text"], test["pattern"], test["plain"], test["passed"])
        for test in seen["tests"]
    ]
    return Run(
        request,
        outcome,
        tuple([line for line, _ in groupby(seen["lines"])]),
        tuple(tests),
        tuple(seen["arms"]),
        tuple(seen["pieces"]),
        tuple(seen["headers"]),
        seen["leaves_to_chance"],
    )
