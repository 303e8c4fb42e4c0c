"""Rules that no request reaches, each shown by a request that would reach it.

The rule before it is made to fail. When the request is then taken by the rule that nobody reaches,
and is not without that, the one stands in the way of the other. Nothing is said of a rule for which
no such request was found, nor where time, chance or a switch in the file decide.
"""

from collections.abc import Callable, Iterator

import msgspec

from rsp.core.linting.arms import Arm
from rsp.core.linting.explore import (
    CLIENTS,
    FIELD_VALUES,
    METHODS,
    NAME,
    STRANGER,
    Exploration,
    changed,
    variants_for_literal,
    variants_for_test,
    with_field,
)
from rsp.core.linting.finding import Finding
from rsp.core.linting.runs import (
    UNFORCED,
    Afresh,
    Forced,
    Run,
    Runner,
    Terrain,
    Test,
    shown,
    with_host,
)
from rsp.core.lua_limits import LINT_CANDIDATES, LINT_PROOFS
from rsp.core.route import RouteRequest
from rsp.core.vocabulary import Severity

_STEPS = 5
"""Rules in the way of one request that are made to fail, one after the other."""


class Reach:
    """Looks for rules that are in the shadow of others."""

    def __init__(
        self,
        run: Runner,
        afresh: Afresh,
        found: Exploration,
        terrain: Terrain,
        is_spent: Callable[[], bool],
    ) -> None:
        self._run = run
        self._afresh = afresh
        self._found = found
        self._terrain = terrain
        self._is_spent = is_spent
        self._arms: dict[int, Arm] = {}
        self._proofs = 0

    def findings(self, arms: list[Arm]) -> Iterator[Finding]:
        """Yield a finding for each rule that is shown to be out of reach."""
        self._arms = {arm.id: arm for arm in arms}
        seen: set[int | None] = set()
        for finding in (*self._shadowed_arms(), *self._shadowed_tests(), *self._impossible_hosts()):
            if finding.line not in seen:
                seen.add(finding.line)
                yield finding

    def _spend(self) -> bool:
        self._proofs += 1
        return self._proofs < LINT_PROOFS and not self._is_spent()

    # -- conditions

    def _shadowed_arms(self) -> Iterator[Finding]:
        for arm in self._arms.values():
            if arm.id in self._found.arms or self._found.leaves_to_chance:
                continue
            shadow = self._shadow_of(arm)
            if shadow is not None:
                blocker, request = shadow
                yield _shadowed(arm.line, blocker.line, request)

    def _shadow_of(self, arm: Arm) -> tuple[Arm, RouteRequest] | None:
        """Return what takes every request that `arm` would take, and one of these."""
        shadow = None
        for request in self._requests_for(arm):
            run = self._run(request, UNFORCED)
            if not self._spend() or arm.id in run.arms:
                return None
            blocker = next((self._arms[x] for x in run.arms if x in arm.earlier), None)
            if blocker is None or -arm.id in run.arms or -blocker.id not in self._found.arms:
                continue
            if arm.id in self._run(request, Forced(arms=arm.earlier)).arms:
                for variant in _relatives(run):
                    if not self._spend() or arm.id in self._run(variant, UNFORCED).arms:
                        return None
                shadow = shadow or (blocker, request)
        return shadow

    def _requests_for(self, arm: Arm) -> Iterator[RouteRequest]:
        kept, left = list(self._found.kept), LINT_CANDIDATES
        for run in kept:
            yield run.request
        for run in kept:
            for text in arm.literals:
                passing = [test for test in run.tests if test.pattern == text]
                guesses = [Test(0, text_of, text, False, False) for text_of in _texts(run)]
                for test in passing or guesses:
                    for request in variants_for_test(run, test, (NAME, "7", "x-1", "z")):
                        yield request
                        left -= 1
                for request in variants_for_literal(run, text, self._terrain):
                    yield request
                    left -= 1
                if left <= 0:
                    return

    # -- patterns in a loop

    def _shadowed_tests(self) -> Iterator[Finding]:
        for name, has_passed in self._found.tests.items():
            if has_passed or self._found.leaves_to_chance:
                continue
            line_text, _, pattern = name.partition(":")
            shadow = self._shadow_of_test(int(line_text), pattern)
            if shadow is not None:
                blocker, request = shadow
                line = int(line_text)
                at, before = (self._terrain.line_of(x, line) or line for x in (pattern, blocker))
                yield _shadowed(at, before, request)

    def _shadow_of_test(self, line: int, pattern: str) -> tuple[str, RouteRequest] | None:
        shadow = None
        for run in self._found.kept:
            for test in run.tests:
                if (test.line, test.pattern) != (line, pattern):
                    continue
                for request in variants_for_test(run, test, (NAME, "7", "x-1", "z")):
                    found = self._blocked_test(request, test)
                    if found == "":
                        return None
                    shadow = shadow or ((found, request) if found else None)
        return shadow

    def _blocked_test(self, request: RouteRequest, test: Test) -> str | None:
        """Return the pattern that keeps `request` from `test`; empty: none does; None: unknown."""
        failing: list[str] = []
        first = None
        for _ in range(_STEPS):
            if not self._spend():
                return ""
            run = self._run(request, Forced(tests=failing))
            if any(each.name == test.name and each.passed for each in run.tests):
                return first.pattern if first else ""
            blocker = next((x for x in run.tests if x.line == test.line and x.passed), None)
            if blocker is None:
                return None
            failing.append(blocker.name)
            first = first or blocker
        return None

    # -- hosts that do not exist

    def _impossible_hosts(self) -> Iterator[Finding]:
        """Yield texts that are compared with request.host, and that it never is."""
        for text, lines in self._terrain.literals.items():
            if not text.startswith("/"):
                found = next(
                    filter(None, (self._forged(x.request, text) for x in self._found.kept)), None
                )
                if found is not None:
                    forged, real = found
                    yield Finding(
                        "unreachable_rule",
                        Severity.WARNING,
                        lines[0],
                        f'request.host is never "{text}": it is lower-case, without port and final '
                        f"dot, so {shown(real.request)} {real.outcome.words} instead of "
                        f'{forged.outcome.target}; write "{real.request.host}"',
                    )

    def _forged(self, request: RouteRequest, text: str) -> tuple[Run, Run] | None:
        """Return the calls for `text` as a host that is not normalised, and for the real one."""
        real, usual = with_host(request, text), with_host(request, STRANGER)
        if real is None or usual is None or real.host == text or not self._spend():
            return None
        forged = msgspec.structs.replace(real, host=text)
        three = [self._run(each, UNFORCED) for each in (forged, real, usual)]
        if not self._goes_elsewhere(*three):
            return None
        # Once more, where no call before has left anything that makes the difference.
        three = [self._afresh(each) for each in (forged, real, usual)]
        return (three[0], three[1]) if self._goes_elsewhere(*three) else None

    def _goes_elsewhere(self, forged: Run, real: Run, usual: Run) -> bool:
        """Tell whether there is a way for the forged host alone; not one that is named after it."""
        target = forged.outcome.target or ""
        if target.partition("/")[0] not in self._terrain.pools:
            return False
        return real.outcome.target == usual.outcome.target != target


def _texts(run: Run) -> list[str]:
    return [run.request.path, run.request.host, run.request.query]


def _relatives(run: Run) -> Iterator[RouteRequest]:
    """Yield requests that differ from this one in what it was not looked at for, as it seems."""
    request = run.request
    for method in METHODS:
        yield changed(request, method=method)
    for client in CLIENTS:
        yield changed(request, client_ip=client)
    for name in dict.fromkeys(run.headers):
        for value in FIELD_VALUES:
            yield with_field(request, name, value)
    for host in ("www.example.com", "localhost", "a.b.c.example.org"):
        if (hosted := with_host(request, host)) is not None:
            yield hosted
    for ending in ("/", "x", "/x/y", ".html"):
        yield changed(request, path=request.path + ending)
    yield changed(request, query="a=1&b=2")


def _shadowed(line: int, before: int, request: RouteRequest) -> Finding:
    return Finding(
        "unreachable_rule",
        Severity.WARNING,
        line,
        f"no request gets here: {shown(request)} would, and so would its like, but line {before} "
        f"takes all of them first; move this rule before line {before}, or remove it",
    )
