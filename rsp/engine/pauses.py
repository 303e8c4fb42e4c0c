"""Who blocks whom: a side that is not read because the other one does not take what it has."""

from rsp.core.evidence import PauseRow
from rsp.core.vocabulary import PauseReason
from rsp.engine.connection import Connection
from rsp.engine.names import name_of
from rsp.engine.session import Session

_SINK_FULL: int = PauseReason.SINK_FULL.value


def pause_of(session: Session, source: Connection, now_s: float) -> PauseRow | None:
    """Return why `source` is not read, if it is the other side's unsent bytes."""
    sink = session.backend if source is session.client else session.client
    if not source.paused_by & _SINK_FULL or sink is None:
        return None
    since_s = max(0.0, now_s - source.paused_since_s)
    held_bytes = len(sink.unsent)
    sentence = (
        f"fd {source.fd} ({name_of(session, source)}) not read for {since_s:.1f} s because "
        f"fd {sink.fd} ({name_of(session, sink)}) holds {held_bytes:,} bytes"
    )
    return PauseRow(since_s, sentence, sink.fd, held_bytes)
