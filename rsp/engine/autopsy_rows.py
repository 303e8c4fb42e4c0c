"""The row of a close autopsy, for whoever looks."""

from rsp.core.autopsy import AutopsyRow, code_of, sentence_of
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
