"""A pytest plugin for the continuous build: a test that was skipped was not run, so it fails.

Tests marked `capability` need something that a kernel or a sandbox may lack; they may be skipped,
and are listed at the end.
"""

import pytest


class SkipsSeen:
    """Remembers every skip of a run."""

    def __init__(self) -> None:
        self.lacking: list[str] = []
        self.forbidden: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test that was skipped."""
        if report.skipped and not hasattr(report, "wasxfail"):
            known = self.lacking if "capability" in report.keywords else self.forbidden
            known.append(f"{report.nodeid}: {_reason(report)}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a file that was skipped as a whole."""
        if report.skipped:
            self.forbidden.append(f"{report.nodeid}: {_reason(report)}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that skipped what it must not."""
        if self.forbidden and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List both kinds."""
        for title, found in (
            ("skipped: this machine lacks a capability", self.lacking),
            ("skipped, and must not be", self.forbidden),
        ):
            if found:
                terminalreporter.section(title)
                for line in found:
                    terminalreporter.line(line)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    place = report.longrepr
    return str(place[2] if isinstance(place, tuple) else place)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    config.pluginmanager.register(SkipsSeen(), "skips-seen")
