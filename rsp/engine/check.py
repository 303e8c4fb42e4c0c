"""Everything `rsp check` finds: what `core/lint.py` sees, and what the route says when it runs."""

from collections.abc import Iterator
from dataclasses import replace

from rsp.core.expectations import (
    Asked,
    Expectation,
    ExpectationError,
    expectations_in,
)
from rsp.core.lint import Finding, findings_in
from rsp.core.routing import BROKEN_ROUTE, RouteDecision
from rsp.core.vocabulary import Severity
from rsp.engine.lua_config import LoadedConfig
from rsp.engine.rehearsal import is_unknown_target, rehearse


def check(loaded: LoadedConfig) -> list[Finding]:
    """Return every finding about a configuration that loads, those of the route last."""
    findings = findings_in(loaded.config)
    try:
        expectations = expectations_in(loaded.config.source)
    except ExpectationError as error:
        findings.append(Finding("expectation", Severity.ERROR, error.line, str(error)))
        return findings
    for expectation in expectations:
        findings += _findings_about(loaded, expectation)
    return findings


def _findings_about(loaded: LoadedConfig, expectation: Expectation) -> Iterator[Finding]:
    line = expectation.line
    try:
        decision = rehearse(loaded, expectation.asked)
    except ExpectationError as error:
        yield Finding("expectation", Severity.ERROR, line, str(error))
        return
    if expectation.status != BROKEN_ROUTE and is_unknown_target(decision):
        yield Finding("unknown_pool", Severity.ERROR, line, decision.error or "")
    difference = expectation.difference(decision)
    if difference:
        message = f"expected {expectation.text}, but {difference}"
        yield Finding("expectation", Severity.ERROR, line, message)
    yield from _case_findings(loaded, expectation, decision)


def _case_findings(
    loaded: LoadedConfig, expectation: Expectation, decision: RouteDecision
) -> Iterator[Finding]:
    """Ask the same with the host in other letters: names do not differ by case, nor may routes.

    Source: RFC 9110, section 4.2.3: the host of a URL is case-insensitive.
    """
    asked = expectation.asked
    shouted = _in_capitals(asked)
    if shouted == asked or decision.backend is None:
        return
    other = rehearse(loaded, shouted)
    if other.backend is None or (other.backend.key, other.key) != (
        decision.backend.key,
        decision.key,
    ):
        yield Finding(
            "case_splits_route",
            Severity.WARNING,
            expectation.line,
            f"{asked.raw_host} and {shouted.raw_host} are the same host and take different "
            "routes; use request.host, which is lower-cased, instead of request.raw_host",
        )


def _in_capitals(asked: Asked) -> Asked:
    fields = tuple(
        (name, value.upper() if name.lower() == b"host" else value) for name, value in asked.fields
    )
    return replace(asked, raw_host=asked.raw_host.upper(), fields=fields)
