"""Everything that running a `route` shows about it."""

import re
from collections.abc import Callable, Iterable, Iterator

from rsp.core.backends import BackendTable
from rsp.core.config import Config
from rsp.core.linting.arms import Arm
from rsp.core.linting.explore import (
    NAME,
    STRANGER,
    Exploration,
    can_be_sent,
    changed,
    variants_for_test,
)
from rsp.core.linting.finding import Finding
from rsp.core.linting.lua_words import Kind, words_in
from rsp.core.linting.pairs import Comparer
from rsp.core.linting.runs import (
    NOTHING_RETURNED,
    UNFORCED,
    Afresh,
    Run,
    Runner,
    Terrain,
    Test,
    shown,
    with_host,
)
from rsp.core.linting.unreachable import Reach
from rsp.core.route import RouteAnswer, RouteRequest
from rsp.core.routing import BROKEN_ROUTE, Balancer
from rsp.core.spellings import in_capitals
from rsp.core.vocabulary import Mode, Severity

_is_mistake = re.compile(
    r"attempt to |bad argument|ran for more|ran more|ran out of memory|route returned a "
    r'|request has no field "|; route cannot call it|: the position is outside the table'
    r'|the pattern "[^\n]*" is malformed|\d; at most \d+ are allowed|bytes; at most \d+ are allowed'
    r"|; string functions take at most \d|more than \d+ calls of "
).search
"""Finds what Lua, or its sandbox, says of a mistake, and not an author with `error(…)`."""


def terrain_of(config: Config) -> Terrain:
    """Return what requests to a configuration can meet."""
    literals: dict[str, tuple[int, ...]] = {}
    words = list(words_in(config.source))
    for word, following in zip(words, [*words[1:], None], strict=True):
        # `{ v2 = "api" }` is a string for a key as well.
        is_key = word.kind is Kind.NAME and following is not None and following.text == "="
        if word.kind is Kind.STRING or is_key:
            text = word.text.encode("utf-8", "surrogateescape").decode("latin-1")
            literals[text] = (*literals.get(text, ()), word.line)
    listeners = tuple(each.address for each in config.listeners if each.mode is Mode.HTTP)
    pools = {pool.name: pool for pool in config.pools}
    return Terrain(pools, listeners, literals, config.identities)


def seeds_for(terrain: Terrain, asked: Iterable[RouteRequest]) -> list[RouteRequest]:
    """Return the requests to begin with: those somebody named, and those of a stranger."""
    seeds = list(asked)
    for listener in terrain.listeners or ("",):
        bare = RouteRequest("GET", "/", "", "", "", [], "203.0.113.7", listener)
        deep = changed(bare, path="/about/us.html")
        hosted = (
            with_host(bare, STRANGER),
            with_host(bare, "localhost"),
            with_host(deep, STRANGER),
        )
        seeds += [seed for seed in hosted if seed is not None]
    return seeds


class Linter:
    """Lints one `route`.

    `run` and `afresh` call it and note what it does; `error_of` calls it as traffic does, and
    returns how it failed. `is_spent` says that this has taken long enough.
    """

    def __init__(
        self,
        terrain: Terrain,
        run: Runner,
        afresh: Afresh,
        error_of: Callable[[RouteRequest], str | None],
        is_spent: Callable[[], bool],
        arms: list[Arm],
    ) -> None:
        self._terrain = terrain
        self._run = run
        self._afresh = afresh
        self._error_of = error_of
        self._arms = arms
        self._found = Exploration(run, terrain, is_spent)
        self._is_spent = is_spent

    def findings(
        self, asked: Iterable[RouteRequest], excused: frozenset[str] = frozenset()
    ) -> list[Finding]:
        """Return what is wrong with `route`, in the order of its lines.

        `asked` are requests that are known to come: those of `-- expect:` lines, and recorded
        ones. `excused` are errors that the author expects.
        """
        self._found.explore(seeds_for(self._terrain, asked))
        kept = self._found.kept
        findings = [*self._failures(excused), *self._unknown_targets(excused)]
        if kept:
            compared = Comparer(self._run, self._afresh, self._terrain, self._is_spent)
            findings += compared.findings(kept)
            findings += self._identities()
            reach = Reach(self._run, self._afresh, self._found, self._terrain, self._is_spent)
            findings += reach.findings(self._arms)
        unique = {(finding.rule, finding.line): finding for finding in reversed(findings)}
        return sorted(unique.values(), key=lambda finding: (finding.line or 0, finding.rule))

    def _failures(self, excused: frozenset[str]) -> Iterator[Finding]:
        for run in self._found.kept:
            error = run.outcome.error
            if error is None or error in excused:
                continue
            if NOTHING_RETURNED in error:
                yield Finding(
                    "no_default",
                    Severity.WARNING,
                    run.last_line,
                    f"route returns nothing for {shown(run.request)}, which gets a 502; end it "
                    'with a default, such as return "web", or say so: -- expect: … -> 502',
                )
                continue
            error = self._error_of(run.request) or ""
            if _is_mistake(error):
                yield Finding(
                    "route_fails",
                    Severity.WARNING,
                    run.last_line,
                    f"{shown(run.request)} makes route fail, and gets a 502: {error}",
                )

    def _unknown_targets(self, excused: frozenset[str]) -> Iterator[Finding]:
        table = BackendTable.of(tuple(self._terrain.pools.values()), 1)
        for run in self._found.kept:
            target = run.outcome.target
            if target is None or not self._is_written(target) or self._is_from(run, target):
                continue
            decision = Balancer().decide(table, RouteAnswer(target), run.request, {}, lambda: 0.0)
            is_unknown = decision.status == BROKEN_ROUTE
            if is_unknown and decision.error and decision.error not in excused:
                yield Finding(
                    "unknown_pool",
                    Severity.ERROR,
                    self._terrain.line_of(target, run.last_line),
                    f"{shown(run.request)} gets a 502: {decision.error}; "
                    "name one that is there, or declare it",
                )

    def _is_written(self, target: str) -> bool:
        """Tell whether the file spells a target, or its pool."""
        pool = target.partition("/")[0]
        names = (target,) if pool in self._terrain.pools else (target, pool, f"{pool}/")
        return any(name in self._terrain.literals for name in names)

    def _is_from(self, run: Run, target: str) -> bool:
        """Tell whether the request itself spelled the target: then another one spells another."""
        other = "zz9"
        for name in {target, *target.split("/")}:
            test = Test(0, name, other, is_plain=True, passed=False)
            for request in variants_for_test(run, test, ()):
                if other in (self._run(request, UNFORCED).outcome.target or ""):
                    return True
        return False

    def _identities(self) -> Iterator[Finding]:
        """Yield where a Host and the part of a path that names the same go different ways."""
        for pattern in self._terrain.identities:
            for name in (NAME.lower(), in_capitals(NAME)):
                finding = self._compared_ways(pattern, name)
                if finding is not None:
                    yield finding
                    break

    def _compared_ways(self, pattern: str, name: str) -> Finding | None:
        seed = seeds_for(self._terrain, ())[0]
        by_host = with_host(seed, name)
        test = Test(0, seed.path, pattern, is_plain=False, passed=False)
        run = self._run(seed, UNFORCED)
        by_path = next(
            (each for each in variants_for_test(run, test, (name,)) if name in each.path), None
        )
        if by_host is None or by_path is None or not can_be_sent(by_path):
            return None
        one, other = self._afresh(by_host), self._afresh(by_path)
        if one.outcome == other.outcome:
            return None
        return Finding(
            "same_identity",
            Severity.WARNING,
            other.last_line,
            f"{shown(by_host)} {one.outcome.words}, and {shown(by_path)} {other.outcome.words}, "
            "though the file says that both name the same; give both the same pool, and the same "
            "lower-case key",
        )
