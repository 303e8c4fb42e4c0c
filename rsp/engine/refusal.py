"""What a client hears that has all the connections it may have: a 503 at once, and the end.

It gets a session, so that the page arrives (a lingering close) and is on record, and no backend.
"""

from rsp.core.http1.errors import error_reply
from rsp.core.lifecycle import Fact
from rsp.core.vocabulary import CloseReason
from rsp.engine.conversation import Conversation
from rsp.engine.session import Session

_UNAVAILABLE = 503


class Refusal(Conversation):
    """A conversation that ends before it begins."""

    __slots__ = ("_sentence",)

    def __init__(self, session: Session, sentence: str) -> None:
        super().__init__(session)
        self._sentence = sentence

    def on_start(self) -> None:
        """Say so; what the client asks for is read and thrown away."""
        session = self.session
        context = session.context
        date = context.telemetry.http_date(context.poller.now_s)
        page = error_reply(_UNAVAILABLE, self._sentence, http_date=date)
        session.response_pipe.add(page)
        session.because(CloseReason.CONNECTION_LIMIT, self._sentence)
        session.advance(Fact.ANSWERED)
