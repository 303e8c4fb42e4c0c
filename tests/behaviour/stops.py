"""Sessions that stop at breakpoints: how a test makes them and finds them."""

from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, numbered, request, response

SIZE = 3_000_000
PAGE = numbered(SIZE)


def add(proxy: Engine, expression: str, **params: object) -> int:
    """Put a breakpoint in force and return its number."""
    return int(proxy.ask("break.add", expression=expression, **params)["id"])


def stopped(proxy: Engine, client: Wire) -> Row:
    """Return the row of a client's session once it is stopped."""
    return wait_until(lambda: row if (row := proxy.row(client))["stopped"] else {})


def page(_: Message) -> bytes:
    return response("200 OK", PAGE)


def ledger_of(proxy: Engine, session: int) -> Row:
    return dict(proxy.ask("connection", id=session)["ledger"])


def ask_late(proxy: Engine, *fields: str) -> Wire:
    """Return a client that has asked for a page and reads nothing of it."""
    client = proxy.connect(receive_bytes=16384)
    client.send(request("GET", "/", *fields))
    return client
