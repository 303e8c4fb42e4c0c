"""Where would a request go? Asked of the running engine, which sends nothing anywhere."""

from collections.abc import Mapping

from rsp.core.expectations import ExpectationError, asked_for
from rsp.core.explaining import Explanation
from rsp.core.sanitise import safe
from rsp.core.wire import CommandRefused
from rsp.tui.client import EngineGone
from rsp.tui.model.decision_columns import explanation_lines
from rsp.tui.model.problem import Problem
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.form import Field, Form
from rsp.tui.screens.trace import TraceScreen, of_request


class TryRoute(Form):
    """Shows the answer below the fields while one types."""

    SAID_ROWS = 10
    APPLY = "Its lines"
    FIRST_FIELD = "url"
    FOOT = "tab next field · enter its lines · esc close"

    def __init__(self, method: str, url: str) -> None:
        fields = [
            Field("method", "Method", method, "GET"),
            Field("url", "URL", safe(url), "http://www.example.com/"),
            Field("header", "Header", "", "X-Beta: yes"),
        ]
        super().__init__("Try a route: nothing is sent", fields)

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return why this cannot be a request."""
        try:
            asked_for(typed["method"], typed["url"], _headers(typed))
        except ExpectationError as error:
            return Problem(_field_of(typed), str(error))
        return None

    def effect(self, typed: Mapping[str, str]) -> list[Line]:
        """Say that the answer is on its way."""
        return [(Span("asking the engine…", "dim"),)]

    async def ask(self, typed: Mapping[str, str]) -> list[Line] | None:
        """Return the engine's answer; for a URL with capitals, compare it with small letters."""
        try:
            answer = await self._explain(typed, typed["url"])
            lines = explanation_lines(answer, self.room, self.SAID_ROWS - 1)
            if typed["url"] == typed["url"].lower():
                return lines
            other = await self._explain(typed, typed["url"].lower())
        except (CommandRefused, EngineGone) as error:
            return [(Span(row, "bad"),) for row in wrap(f"✗ {safe(str(error))}", self.room)]
        return [*lines, _comparison(answer, other)]

    async def _explain(self, typed: Mapping[str, str], url: str) -> Explanation:
        asked = of_request(typed["method"], url, typed["header"])
        return await self.shell.feed.command("explain", asked.params, Explanation)

    def apply(self, typed: Mapping[str, str]) -> None:
        """Show it line by line, as a decision that was recorded."""
        asked = of_request(typed["method"], typed["url"], typed["header"])
        _ = self.app.push_screen(TraceScreen(asked))


def _headers(typed: Mapping[str, str]) -> list[str]:
    return [typed["header"]] if typed["header"] else []


def _field_of(typed: Mapping[str, str]) -> str:
    """Return the field that keeps the three from being a request."""
    for field, alone in (
        ("method", (typed["method"], "http://a/", [])),
        ("header", ("GET", "http://a/", _headers(typed))),
    ):
        try:
            asked_for(*alone)
        except ExpectationError:
            return field
    return "url"


def _comparison(answer: Explanation, other: Explanation) -> Line:
    target = f"{other.pool}/{other.backend}" if other.backend else "nowhere"
    if (answer.pool, answer.backend) == (other.pool, other.backend):
        return (Span(f"In small letters it goes there, too: {safe(target)}.", "dim"),)
    return (Span(f"⚠ In small letters it goes to {safe(target)}: another backend.", "warn"),)
