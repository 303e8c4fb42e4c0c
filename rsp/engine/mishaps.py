"""What goes wrong in a conversation, and what the client is told: the home of our own replies.

Before the client has got anything of a response, it gets a reply of ours that says what happened.
Afterwards the response is cut off so that the client can see it: nothing is ever made up.
"""

from rsp.core.events import ErrorReplied, Noted
from rsp.core.http1.errors import BadMessage, error_reply
from rsp.core.http1.framing import BodyKind
from rsp.core.http1.head import asked_for
from rsp.core.lifecycle import Fact
from rsp.core.patience import Patience
from rsp.core.vocabulary import CloseReason
from rsp.engine.autopsies import idle_before
from rsp.engine.bookkeeping import Talk, finish_exchange, new_exchange
from rsp.engine.replay import repeat
from rsp.engine.session import Session


def refuse(talk: Talk, error: BadMessage, head: bytes = b"") -> None:
    """The client's bytes are no request, or end as none: no backend may take them for one."""
    talk.inbox = b""
    if talk.exchange is None:
        talk.exchange = new_exchange(talk, *asked_for(head))
    reason = CloseReason.BAD_REQUEST if error.status >= 400 else CloseReason.FINISHED
    reply(talk, error.status, error.sentence, reason)


def reply(
    talk: Talk, status: int, sentence: str, reason: CloseReason, *, told: str | None = None
) -> None:
    """Answer with a page of ours and end; too late for that, cut the response off.

    `sentence` is for the record; `told` is what the client reads, when that must be another one.
    """
    session, exchange = talk.session, talk.exchange
    if exchange is not None and talk.response is not None:
        cut(talk, reason, sentence)
        return
    context = session.context
    now_s = context.poller.now_s
    head_only = exchange is not None and exchange.method == "HEAD"
    date = context.telemetry.http_date(now_s)
    page = error_reply(status, told or sentence, head_only=head_only, http_date=date)
    session.response_pipe.add(page)
    if status >= 400:
        context.telemetry.totals.errors += 1
        context.telemetry.record(
            ErrorReplied(at_s=now_s, session=session.id, status=status, sentence=sentence)
        )
    session.because(reason, sentence)
    if exchange is not None:
        exchange.status = status
        finish_exchange(talk, f"{reason.value}: {sentence}")
    session.advance(Fact.ANSWERED)


def cut(talk: Talk, reason: CloseReason, detail: str) -> None:
    """End a response in its midst, so that the client is able to see it.

    Where framing says how much is missing, an early end shows it; where only the end of the
    connection delimits the body, nothing but a reset does.
    """
    response = talk.response
    is_framed = response is not None and response.body.kind is not BodyKind.UNTIL_CLOSE
    talk.session.because(reason, detail)
    finish_exchange(talk, f"{reason.value}: {detail}")
    talk.session.advance(Fact.CUT if is_framed else Fact.CUT_UNMARKED)


def cut_by_backend(talk: Talk, what: str) -> None:
    """The backend ended in the midst of a response: say who, and where it broke off."""
    _break_off(
        talk, CloseReason.BACKEND_GONE, f"{what} {talk.session.response_pipe.cut_sentence()}"
    )


def bad_body(talk: Talk, error: BadMessage) -> None:
    """The framing of a response broke in its midst."""
    _break_off(talk, CloseReason.BAD_RESPONSE, f"sent a broken body: {error.sentence}")


def _break_off(talk: Talk, reason: CloseReason, what: str) -> None:
    """A response that breaks off counts as a failure of its backend. It ejects nobody: the status
    was a good one, and that is what `eject` goes by."""
    pairing = talk.pairing
    said = f"{pairing.who} {what}"
    if pairing.backend is not None:
        talk.session.context.dispatcher.note_failure(pairing.backend, what, may_eject=False)
    cut(talk, reason, said)


def bad_response(talk: Talk, error: BadMessage) -> None:
    """The backend sent something that is no response."""
    backend = talk.pairing.backend
    name = f"backend {backend.key}" if backend else "the backend"
    what = f"sent no valid response: {error.sentence}"
    if backend is not None:
        talk.pairing.note_failure(backend, what)
    reply(talk, 502, f"{name} {what}", CloseReason.BAD_RESPONSE)


def no_response(talk: Talk, what: str) -> None:
    """The backend ended before it said anything: ask once more, or say so."""
    exchange, backend = talk.exchange, talk.pairing.backend
    if exchange is None or backend is None:
        talk.pairing.part(keep=False)
        return
    sentence = f"{backend.in_full} {what}"
    connection, began_s = talk.session.backend, exchange.started_s
    idle = ""
    if connection is not None and talk.pairing.is_reused:
        idle = f", which had been idle for {idle_before(connection, began_s):.2f} s"
    if repeat(talk):
        _note_repeat(talk.session, sentence + idle)
        return
    talk.pairing.note_failure(backend, what)
    reply(talk, 502, sentence, CloseReason.BACKEND_GONE)


def _note_repeat(session: Session, sentence: str) -> None:
    """Tell of what the client does not notice: it goes on, so no autopsy will tell of it."""
    context = session.context
    context.telemetry.record(
        Noted(
            at_s=context.poller.now_s,
            session=session.id,
            what=f"session {session.id}: {sentence}; the request is sent again on a new one",
            said_by="session",
        )
    )


def backend_gone(talk: Talk, reason: str) -> None:
    """The backend reset the connection; `reason` is the errno's name."""
    session = talk.session
    if session.state.is_tunnel:
        session.because(CloseReason.BACKEND_GONE, f"backend: {reason}")
        session.advance(Fact.BACKEND_GONE)
    elif talk.response is None:
        no_response(talk, f"reset the connection ({reason})")
    else:
        cut_by_backend(talk, f"reset the connection ({reason})")


def client_ended(talk: Talk) -> None:
    """The client says no more: it may wait for its answer, or have left inside a message."""
    session = talk.session
    if session.request_pipe.is_open and not session.state.is_tunnel:
        session.because(CloseReason.CLIENT_GONE, "the client ended inside a request body")
        session.advance(Fact.CLIENT_GONE)
        return
    if talk.exchange is None and talk.inbox:
        session.because(CloseReason.CLIENT_GONE, "the client ended inside a request head")
    session.advance(Fact.CLIENT_EOF)


def too_late(talk: Talk, late: Patience) -> None:
    """An allowance has run out."""
    if late.reason is CloseReason.BACKEND_TIMEOUT:
        backend_too_late(talk, late)
    else:
        client_too_late(talk, late)


def client_too_late(talk: Talk, late: Patience) -> None:
    """The client has used up an allowance, or was idle for all of it."""
    session = talk.session
    sentence = f"{late.phrase} for {late.limit_s:g} s"
    if session.client.unsent.data:
        session.because(late.reason, sentence)
        session.advance(Fact.EXPIRED)
    elif late.reason is CloseReason.IDLE_TIMEOUT or (talk.exchange is None and not talk.inbox):
        session.close(late.reason)
    else:
        reply(talk, 408, sentence, late.reason)


def no_memory(talk: Talk) -> None:
    """The memory budget is used up: nothing new is begun."""
    sentence = "the memory for buffers is used up (memory_budget_bytes); try again soon"
    reply(talk, 503, sentence, CloseReason.MEMORY_LIMIT)


def backend_too_late(talk: Talk, late: Patience) -> None:
    """The backend has used up an allowance: to accept, to begin, or to go on."""
    if talk.session.state.is_connecting:
        talk.pairing.connect_failed(f"timed out after {late.limit_s:g} s")
        return
    sentence = f"{late.phrase} for {late.limit_s:g} s"
    backend = talk.pairing.backend
    if backend is not None:
        talk.pairing.note_failure(backend, sentence)
        sentence = f"{backend.in_full}: {sentence}"
    reply(talk, 504, sentence, late.reason)
