"""The close reasons in words: the one home of these sentences, for every screen and document."""

from typing import Final

from rsp.core.vocabulary import CloseReason

CLOSE_REASONS: Final = {
    CloseReason.FINISHED: "both sides said all they had to say",
    CloseReason.CLIENT_GONE: "the client reset its connection, or left inside a message",
    CloseReason.BACKEND_GONE: "the backend reset its connection, or ended inside a response",
    CloseReason.BACKEND_UNREACHABLE: "no backend could be connected to; in HTTP: 502, 503 or 504",
    CloseReason.BAD_REQUEST: "the client's bytes were refused; the error reply says why",
    CloseReason.BAD_PROXY_HEADER: "a client that must announce whom it speaks for did not, in time",
    CloseReason.BAD_RESPONSE: "the backend's bytes were not a valid response",
    CloseReason.NO_ROUTE: "`route` failed, or named something that is not there or not available",
    CloseReason.CLIENT_TIMEOUT: "the client took too long to send or to read",
    CloseReason.BACKEND_TIMEOUT: "the backend took too long to answer or to go on",
    CloseReason.IDLE_TIMEOUT: "nothing happened on a kept connection or a tunnel for too long",
    CloseReason.OPERATOR: "a person closed it",
    CloseReason.SHUTDOWN: "the engine is stopping",
    CloseReason.CONNECTION_LIMIT: "the client has as many connections as one address may have",
    CloseReason.MEMORY_LIMIT: "the memory budget was used up: refused, or one of the newest cut",
    CloseReason.BUFFER_LIMIT: "more bytes were buffered than pausing should ever allow",
    CloseReason.INJECTED: "a fault that was asked for closed it",
    CloseReason.INTERNAL_ERROR: "we failed: a bug, or no memory from the kernel; its event says",
}
"""What each reason says about how a session ended. tests/faults.toml shows where each is met."""
