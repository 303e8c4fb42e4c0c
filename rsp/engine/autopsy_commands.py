"""The command `autopsies`: how the last sessions ended."""

from rsp.core.autopsy import Autopsies, code_of
from rsp.core.params import AutopsiesParams
from rsp.core.vocabulary import CloseReason
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.autopsy_rows import autopsy_row
from rsp.engine.server import Engine

_CODE_CHARACTERS = 2


def autopsies(engine: Engine, params: AutopsiesParams) -> Autopsies:
    """Return how the last sessions ended, newest first."""
    reason = params.reason
    words = [each.value for each in CloseReason]
    if reason is not None and len(reason) != _CODE_CHARACTERS and reason not in words:
        raise CommandRefused(
            f'no reason "{reason}"; there are {", ".join(words)}, and codes such as SD',
            INVALID_PARAMS,
        )
    kept = [
        closed
        for closed in engine.registry.closed.newest()
        if reason in (None, closed.reason.value, code_of(closed.reason, closed.ending))
    ]
    return Autopsies([autopsy_row(closed, engine.telemetry) for closed in kept[: params.limit]])
