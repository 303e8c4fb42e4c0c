"""The stamps of an exchange that few have: it was blocked, or broke off in its midst."""

from rsp.core.vocabulary import PauseReason
from rsp.engine.exchange import Exchange
from rsp.engine.lab.connection import is_held_back
from rsp.engine.session import Session

_SINK_FULL: int = PauseReason.SINK_FULL.value


def end_pause(exchange: Exchange, session: Session) -> None:
    """The backend was not read for its client; that is over now, or the exchange is."""
    paused_s = blocked_for_s(session, session.context.poller.now_s)
    if is_held_back(session.client):
        exchange.injected_s += paused_s
    else:
        exchange.blocked_s += paused_s


def blocked_for_s(session: Session, now_s: float) -> float:
    """Return for how long the backend is not read because the client takes nothing.

    While a person holds the backend as well, 0: that is counted as theirs.
    """
    backend = session.backend
    if backend is None or backend.paused_by != _SINK_FULL:
        return 0.0
    return max(0.0, now_s - backend.paused_since_s)


def break_off(exchange: Exchange, session: Session) -> None:
    """An exchange is over and still has its backend: note in the midst of what that was."""
    end_pause(exchange, session)
    if exchange.first_byte_s is None and session.request_pipe.is_open:
        exchange.sent_s = session.context.poller.now_s
