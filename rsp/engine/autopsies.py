"""What both sides of a session look like at the moment when it is known how it will end.

A few calls to the kernel for each side, and only for ends that somebody will ask about.
"""

import socket
from typing import Any

from msgspec.structs import replace

from rsp.core.autopsy import TCP_STATES, Ending, SideEvidence, phase_of, who_wrote_last
from rsp.engine.connection import Connection
from rsp.engine.kernel import queues, silence
from rsp.engine.nonblocking import pending_error
from rsp.engine.poller import BROKEN, URGENT, readiness_words


def ending_of(session: Any) -> Ending:
    """Return what is known now of a `Session`; of one without a speaker, as far as that goes."""
    speaker: Any = getattr(session, "speaker", None)
    pairing: Any = getattr(speaker, "pairing", None)
    begun = speaker is not None and speaker.response_begun()
    connection, backend = session.backend, pairing.backend if pairing is not None else None
    exchange: Any = getattr(speaker, "exchange", None)
    idle_s: float | None = None
    if None not in (connection, exchange, pairing) and pairing.is_reused:
        idle_s = idle_before(connection, exchange.started_s)
    client = _side(session.client)
    is_owed = bool(client.undelivered_bytes)
    return Ending(
        phase_of(session.state.shown, response_begun=begun, is_owed=is_owed),
        client,
        _side(connection) if connection is not None else None,
        backend.key if backend is not None else None,
        idle_s,
        begun,
    )


def idle_before(connection: Connection, started_s: float) -> float:
    """Return for how long a used backend connection had been idle before a request that began."""
    return max(0.0, started_s - connection.idle_since_s)


def at_the_end(ending: Ending, client: Connection) -> Ending:
    """Return `ending` with the queues of `client` as they are now: it is closed, in this batch.

    Between knowing and closing it may have got all that waited for it, and we may have read what it
    still sent. What stands there now is destroyed.
    """
    send_queue, receive_queue = _queues(client)
    last = replace(
        ending.client,
        unsent_bytes=client.unsent.left_bytes,
        send_queue_bytes=send_queue,
        receive_queue_bytes=receive_queue,
    )
    return replace(ending, client=last)


def _side(connection: Connection) -> SideEvidence:
    error = connection.last_error or connection.write_error
    state = sent_s = received_s = send_queue = receive_queue = None
    if not connection.is_closed:
        if error is None and connection.seen & BROKEN:
            error = pending_error(connection.sock)
        send_queue, receive_queue = _queues(connection)
        number, sent_s, received_s = silence(connection.sock)
        state = TCP_STATES[number] if number is not None and number < len(TCP_STATES) else None
    sent_s = sent_s if connection.bytes_out else None
    received_s = received_s if connection.bytes_in else None
    # On a unix socket URGENT is ours, and epoll never says it (`Connection.seen`).
    is_unix = connection.sock.family == socket.AF_UNIX
    return SideEvidence(
        readiness_words(connection.seen & ~URGENT if is_unix else connection.seen),
        error,
        state,
        connection.bytes_in,
        connection.bytes_out,
        connection.unsent.left_bytes,
        send_queue,
        receive_queue,
        sent_s,
        received_s,
        who_wrote_last(sent_s, received_s),
    )


def _queues(connection: Connection) -> tuple[int | None, int | None]:
    """Return the bytes in the kernel's two queues, None where it does not say.

    A FIN of ours is no byte, though it counts as one until it is acknowledged. What a unix socket
    says counts the kernel's own memory besides (measured: 768 for 100 bytes), so that is unknown.
    """
    send_queue, receive_queue = queues(connection.sock)
    if connection.sock.family == socket.AF_UNIX:
        send_queue = None
    elif send_queue and connection.unsent.fin_sent:
        send_queue -= 1
    return send_queue, receive_queue
