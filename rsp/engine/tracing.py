"""One call of `route` explained line by line, in a runtime of its own that serves no traffic."""

import msgspec

from rsp.core.config import ConfigError
from rsp.core.explaining import Returned, TraceStep
from rsp.core.redact import Redactor
from rsp.core.route import RouteAnswer, RouteFailed, RouteRequest
from rsp.engine.lua_config import as_text, load_source
from rsp.engine.lua_sandbox import Sandbox, Trace

_MORE = "more lines ran than are kept"
_SHORT = "some values are left out, for all of them together are too long"


class Traced(msgspec.Struct):
    """What a call of `route` did. Texts are whole: they hold the secrets of the request."""

    answer: RouteAnswer | None
    """None: it failed, or there is no `route`."""
    error: str | None
    steps: list[TraceStep]
    note: str = ""
    """Why there is less than all of it."""

    def shown(self, redactor: Redactor, secrets: tuple[str, ...]) -> list[TraceStep]:
        """Return the steps as whoever looks may see them, without the `secrets` of the request."""
        return [
            TraceStep(
                step.line,
                step.source,
                {name: redactor.text(value, secrets) for name, value in step.locals.items()},
                step.depth,
            )
            for step in self.steps
        ]

    def returned(self, redactor: Redactor, secrets: tuple[str, ...]) -> Returned | None:
        """Return what `route` returned, as whoever looks may see it."""
        answer = self.answer
        if answer is None:
            return None
        key = None if answer.key is None else redactor.text(answer.key, secrets)
        target, reason = (redactor.text(text, secrets) for text in (answer.target, answer.reason))
        return Returned(target, key, reason)


def trace(source: bytes, path: str, request: RouteRequest) -> Traced:
    """Run the text of a configuration in a fresh runtime, and its `route` for `request`.

    What `route` keeps from one request to the next is as it is after loading. A text that does
    not load is an error of the answer.
    """
    sandbox = Sandbox(is_traced=True)
    try:
        router = load_source(source, path, sandbox).router
    except ConfigError as error:
        return Traced(None, str(error), [])
    if router is None:
        return Traced(None, None, [])
    traced = Traced(None, None, [])

    def call() -> None:
        try:
            traced.answer = router.route(request)
        except RouteFailed as error:
            traced.error = str(error)

    found = sandbox.trace(call)
    # What is no UTF-8 can be shown, but not sent.
    traced.steps = _steps(found, source.decode("utf-8", "replace").split("\n"))
    notes = [note for note, is_so in ((_MORE, found.has_more), (_SHORT, found.is_short)) if is_so]
    traced.note = "; ".join(notes)
    return traced


def _steps(found: Trace, lines: list[str]) -> list[TraceStep]:
    return [
        TraceStep(
            step.line,
            lines[step.line - 1].strip() if step.line <= len(lines) else "",
            {name: as_text(value) for name, value in step.locals.items()},
            step.depth,
        )
        for step in found.steps
    ]
