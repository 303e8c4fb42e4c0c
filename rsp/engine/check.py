"""Everything `rsp check` finds: what the declarations say, and what `route` does when it runs."""

from collections.abc import Iterable, Iterator
from functools import partial

from rsp.core.expectations import Expectation, ExpectationError, expectations_in
from rsp.core.linting.declared import findings_in
from rsp.core.linting.finding import Finding
from rsp.core.linting.lint import Linter, terrain_of
from rsp.core.route import RouteFailed, RouteRequest
from rsp.core.routing import BROKEN_ROUTE
from rsp.core.vocabulary import Mode, Severity
from rsp.engine.lua_config import LoadedConfig
from rsp.engine.probe import Probe
from rsp.engine.rehearsal import CLIENT_IP, rehearse


def check(loaded: LoadedConfig, recorded: Iterable[RouteRequest] = ()) -> list[Finding]:
    """Return every finding about a configuration that loads, those of the route last.

    `recorded` are requests that came, which `route` is tried on besides those made up for it.
    """
    findings = findings_in(loaded.config)
    try:
        expectations = expectations_in(loaded.config.source)
    except ExpectationError as error:
        return [*findings, _unreadable(error)]
    excused: set[str] = set()
    for expectation in expectations:
        findings += _findings_about(loaded, expectation, excused)
    if loaded.router is not None:
        asked = [*_asked(loaded, expectations), *recorded]
        findings += _linted(loaded, asked, frozenset(excused))
    return findings


def missed_expectations(loaded: LoadedConfig) -> dict[str, Finding]:
    """Return what is said of each `-- expect:` line that does not hold, by what it expects.

    Runs the `route` of `loaded`.
    """
    try:
        expectations = expectations_in(loaded.config.source)
    except ExpectationError as error:
        return {"": _unreadable(error)}
    return {
        each.text: finding
        for each in expectations
        for finding in _findings_about(loaded, each, set())
    }


def _unreadable(error: ExpectationError) -> Finding:
    return Finding("expectation", Severity.ERROR, error.line, str(error))


def _findings_about(
    loaded: LoadedConfig, expectation: Expectation, excused: set[str]
) -> Iterator[Finding]:
    """Yield how an expectation is missed; note an error that it expects."""
    try:
        decision = rehearse(loaded, expectation.asked)
    except ExpectationError as error:
        yield Finding("expectation", Severity.ERROR, expectation.line, str(error))
        return
    if expectation.status == BROKEN_ROUTE and decision.error is not None:
        excused.add(decision.error)
    difference = expectation.difference(decision)
    if difference:
        message = f"expected {expectation.text}, but {difference}"
        yield Finding("expectation", Severity.ERROR, expectation.line, message)


def _asked(loaded: LoadedConfig, expectations: Iterable[Expectation]) -> Iterator[RouteRequest]:
    listeners = [each.address for each in loaded.config.listeners if each.mode is Mode.HTTP]
    for expectation in expectations:
        if expectation.asked.tcp_listener is None:
            yield expectation.asked.request(CLIENT_IP, listeners[0] if listeners else "")


def _linted(
    loaded: LoadedConfig, asked: list[RouteRequest], excused: frozenset[str]
) -> list[Finding]:
    terrain = terrain_of(loaded.config)
    probe = Probe(loaded.config, terrain)
    linter = Linter(
        terrain,
        probe.run,
        probe.run_afresh,
        partial(_error_of, loaded),
        probe.is_spent,
        probe.arms,
    )
    return linter.findings(asked, excused)


def _error_of(loaded: LoadedConfig, request: RouteRequest) -> str | None:
    if loaded.router is None:
        return None
    try:
        loaded.router.route(request)
    except RouteFailed as error:
        return str(error)
    return None
