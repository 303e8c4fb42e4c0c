"""The rows of close autopsies, for whoever looks."""

from collections.abc import Iterable

from rsp.core.autopsy import BY_BACKENDS, AutopsyRow, code_of, sentence_of
from rsp.core.lab_limits import STORM_S
from rsp.core.storm import Kind, StormRow, storms
from rsp.core.vocabulary import CloseReason
from rsp.engine.closed import ClosedSession
from rsp.engine.ledger import closed_ledger
from rsp.engine.telemetry import Telemetry


def autopsy_row(closed: ClosedSession, telemetry: Telemetry) -> AutopsyRow:
    """Return how one session ended."""
    ending = closed.ending
    ledger = closed_ledger(closed)
    sentence = sentence_of(closed.reason, closed.detail, ending, ledger.response)
    return AutopsyRow(
        id=closed.id,
        at=telemetry.stamp(closed.closed_s),
        code=code_of(closed.reason, ending),
        reason=closed.reason.value,
        sentence=telemetry.redactor.text(sentence),
        duration_s=closed.closed_s - closed.opened_s,
        client_address=closed.client.address,
        backend_address=closed.backend.address if closed.backend is not None else None,
        backend_name=ending.backend_name if ending is not None else None,
        undelivered_bytes=ending.client.undelivered_bytes if ending is not None else None,
        ledger=ledger,
        client=ending.client if ending is not None else None,
        backend=ending.backend if ending is not None else None,
    )


def storms_now(newest: Iterable[ClosedSession], now_s: float) -> list[StormRow]:
    """Return the ways to end that were frequent lately; `newest` are all that are kept.

    Endings of which no evidence was taken are ordinary here: a flood has alerts of its own.
    """
    kinds: dict[tuple[CloseReason, str], Kind] = {}
    count, since_s = 0, now_s
    for each in newest:
        if now_s - each.closed_s > STORM_S:
            break
        count, since_s = count + 1, each.closed_s
        ending = each.ending
        if ending is not None:
            key = each.reason, ending.phase
            kind = kinds.get(key)
            if kind is None:
                kind = kinds[key] = Kind(code_of(each.reason, ending), each.reason.value)
            kind.count += 1
            kind.left_input += ending.client.is_reset_by_us
            if ending.backend_name is not None and each.reason in BY_BACKENDS:
                kind.backends[ending.backend_name] += 1
    return storms(kinds.values(), count, now_s - since_s)
