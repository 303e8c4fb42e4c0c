"""The columns of the Connections screen, and the word that each session's state is shown as."""

from rsp.core.replies import ConnectionRow, PeerRow
from rsp.core.row_fields import is_waiting
from rsp.core.sanitise import safe
from rsp.core.vocabulary import SessionState
from rsp.tui.model import text
from rsp.tui.model.columns import Column
from rsp.tui.model.sessions import Session, fill_of
from rsp.tui.model.spans import Line, Span, fit

_CELL_CHARACTERS = 400
"""More of a stranger's text than any column shows; the rest is not even looked at."""

_STATES = {
    SessionState.READING_PROXY_HEADER: ("·", "READING", ""),
    SessionState.READING_HEAD: ("·", "READING", ""),
    SessionState.ROUTING: ("·", "ROUTING", ""),
    SessionState.QUEUED: ("◦", "QUEUED", "warn"),
    SessionState.CONNECTING: ("◌", "CONNECT", "accent"),
    SessionState.STREAMING: ("▸", "STREAM", "good"),
    SessionState.IDLE: ("○", "IDLE", "dim"),
    SessionState.TUNNEL: ("═", "TUNNEL", "good"),
    SessionState.DRAINING: ("▿", "DRAIN", "accent"),
    SessionState.CLOSING: ("▿", "CLOSING", "dim"),
    SessionState.CLOSED: ("\N{MULTIPLICATION SIGN}", "CLOSED", "dim"),
}
_UNKNOWN = ("?", "?", "")


def state_of(row: ConnectionRow) -> tuple[str, str, str]:
    """Return the glyph, the word and the role of a session's state.

    STOPPED, PAUSED, BLOCKED and WAITING come before what the engine calls the state: they are why
    nothing moves.
    """
    sides = (row.client, row.backend) if row.backend else (row.client,)
    if row.state != SessionState.CLOSED:
        if row.stopped is not None:
            return "‖", "STOPPED", "warn"
        if any({"operator", "breakpoint"}.intersection(side.paused_by) for side in sides):
            return "‖", "PAUSED", "accent"
        if any(side.blocked_s > 0 for side in sides):
            return "●", "BLOCKED", "warn"
        if row.half_closed and row.state in (SessionState.STREAMING, SessionState.TUNNEL):
            return "◖", "HALFCLOSE", "accent"
    if is_waiting(row):
        return "◔", "WAITING", "accent"
    try:
        return _STATES[SessionState(row.state)]
    except ValueError:
        return _UNKNOWN


def shown(untrusted: str) -> str:
    """Return a stranger's text, safe and no longer than any cell could be."""
    return safe(untrusted, _CELL_CHARACTERS)


def host_part(address: str) -> str:
    """Return an address without its port."""
    return address.rpartition(":")[0] or address


def _id(session: Session, _width: int) -> Span:
    return Span(str(session.id))


def _client(session: Session, width: int) -> Span:
    address = shown(session.row.client.address)
    return Span(address if len(address) <= width else host_part(address))


def _host(session: Session, _width: int) -> Span:
    request = session.row.request
    return Span(shown(request.host)) if request else Span(text.NOTHING, "dim")


def _request(session: Session, width: int) -> Span | Line:
    request = session.row.request
    if request is None:
        return Span(text.NOTHING, "dim")
    method = fit(shown(request.method), min(len(request.method), max(width - 4, 1)))
    return (
        Span(method, "dim"),
        Span(" "),
        Span(fit(shown(request.path), max(width - len(method) - 1, 0))),
    )


def _backend(session: Session, _width: int) -> Span:
    route = session.row.route
    return Span(shown(route.backend)) if route else Span(text.NOTHING, "dim")


def _state(session: Session, _width: int) -> Line:
    glyph, word, role = state_of(session.row)
    return Span(glyph, role), Span(" "), Span(word, role)


def _status(session: Session, _width: int) -> Span:
    response = session.row.response
    if response is None:
        return Span(text.NOTHING, "dim")
    role = "bad" if response.status >= 500 else "warn" if response.status >= 400 else ""
    return Span(str(response.status), role)


def _first_byte(session: Session, _width: int) -> Span:
    response = session.row.response
    return Span(text.duration(response.first_byte_s)) if response else Span(text.NOTHING, "dim")


def _gauge(peer: PeerRow | None, width: int, role: str, figure: int) -> Line:
    bar = width - figure - (1 if figure else 0)
    part = fill_of(peer) if peer else 0.0
    filled, empty = text.gauge(part, bar)
    spans = [Span(filled, "warn" if part >= 1 else role), Span(empty, "track")]
    if figure:
        count = peer.unsent_bytes if peer else 0
        spans.append(Span(" " + fit(text.size(count), figure, ">"), "" if count else "dim"))
    return tuple(spans)


def _request_gauge(session: Session, width: int) -> Line:
    return _gauge(session.row.backend, width, "request", 0)


def _response_gauge(session: Session, width: int) -> Line:
    return _gauge(session.row.client, width, "response", 4)


def _quiet(value: str) -> Span:
    return Span(value, "dim" if value == text.NOTHING else "")


def _eagain(session: Session, _width: int) -> Span:
    value = text.per_second(session.eagain_per_s)
    return Span(value, "dim" if value == text.NOTHING else "warn")


def _in(session: Session, _width: int) -> Span:
    return _quiet(text.byte_rate(session.client_in_per_s))


def _out(session: Session, _width: int) -> Span:
    return _quiet(text.byte_rate(session.client_out_per_s))


def _age(session: Session, _width: int) -> Span:
    return Span(text.age(session.row.age_s))


def _pool(session: Session, _width: int) -> Span:
    route = session.row.route
    return Span(shown(route.pool), "dim") if route else Span(text.NOTHING, "dim")


def _reason(session: Session, _width: int) -> Span:
    route = session.row.route
    return Span(shown(route.reason), "dim") if route else Span("")


def _exchanges(session: Session, _width: int) -> Span:
    return Span(str(session.row.exchanges), "dim")


SESSION_COLUMNS: tuple[Column[Session], ...] = (
    Column("id", "ID", 6, _id, ">", keep=100, sort="id"),
    Column("client", "CLIENT", 15, _client, grows_to=21, keep=80, sort="client"),
    Column("host", "HOST", 15, _host, grows_to=28, keep=30, sort="host"),
    Column("request", "REQUEST", 14, _request, grows_to=60, keep=90, sort="request"),
    Column("backend", "BACK", 6, _backend, grows_to=12, keep=85, sort="backend"),
    Column("pool", "POOL", 8, _pool, keep=12, from_width=150),
    Column("state", "STATE", 11, _state, keep=99, sort="state"),
    Column("status", "ST", 3, _status, ">", keep=50, sort="status"),
    Column("first_byte", "TTFB", 6, _first_byte, ">", keep=20, from_width=130, sort="first_byte"),
    Column("fill_request", "C→B", 5, _request_gauge, keep=40, from_width=90, sort="fill_request"),
    Column("fill", "B→C buf", 10, _response_gauge, grows_to=13, keep=95, sort="fill"),
    Column("in", "IN", 6, _in, ">", keep=14, from_width=140, sort="in"),
    Column("out", "OUT", 6, _out, ">", keep=16, from_width=124, sort="out"),
    Column("eagain", "EAGN/s", 6, _eagain, ">", keep=94, sort="eagain"),
    Column("age", "AGE", 5, _age, ">", keep=60, sort="age"),
    Column("exchanges", "EXCH", 5, _exchanges, ">", keep=10, from_width=150),
    Column("reason", "WHY THERE", 18, _reason, grows_to=40, keep=5, from_width=150),
)
"""In the order of the screen. 80 columns keep id, client, request, back, state, buffer, EAGAIN."""
