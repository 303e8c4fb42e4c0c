"""Who is at the other end of a connection, in words."""

from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.relay import Relay
from rsp.engine.session import Session


def name_of(session: Session, connection: Connection) -> str:
    """Return `client`, or the backend's name."""
    if connection is session.client:
        return "client"
    speaker = session.speaker
    backend = speaker.pairing.backend if isinstance(speaker, Conversation | Relay) else None
    return backend.name if backend is not None else "the backend"
