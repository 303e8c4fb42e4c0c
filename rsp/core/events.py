"""Records of what happened: immutable, rare, made once; their `message` is the log line.

Bytes that come and go are not events: they are counted. An event is built from the values at
hand, and its sentence only when somebody reads it.
"""

from typing import Any, ClassVar

import msgspec

from rsp.core.sanitise import safe
from rsp.core.vocabulary import CloseReason, EventLevel, Health


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened, at a monotonic time in seconds. It refers to nothing that lives."""

    level: ClassVar[EventLevel] = EventLevel.INFO
    source: ClassVar[str] = "engine"
    is_quiet: ClassVar[bool] = False
    """Whether it happens all the time: it is kept, but tells nobody who did not ask for all."""

    at_s: float
    session: int | None = None

    @property
    def message(self) -> str:
        """One sentence for people."""
        raise NotImplementedError

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return {}


class SessionOpened(Event, frozen=True, kw_only=True, gc=False):
    """A client connected."""

    level = EventLevel.DEBUG
    source = "session"
    is_quiet = True

    client: str
    listener: str

    @property
    def message(self) -> str:
        """One sentence for people."""
        return f"session {self.session} opened: {self.client} at {self.listener}"


class ClientAnnounced(Event, frozen=True, kw_only=True, gc=False):
    """A trusted proxy said for whom it speaks; from now on that is the client."""

    level = EventLevel.DEBUG
    source = "session"
    is_quiet = True

    proxy: str
    client: str

    @property
    def message(self) -> str:
        """One sentence for people."""
        return f"session {self.session}: {self.proxy} speaks for {self.client}"

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return {"proxy": self.proxy, "client": self.client}


class SessionClosed(Event, frozen=True, kw_only=True, gc=False):
    """A session ended in the ordinary way."""

    level = EventLevel.DEBUG
    source = "session"
    is_quiet = True

    reason: CloseReason
    detail: str
    duration_s: float

    @property
    def message(self) -> str:
        """One sentence for people."""
        why = self.reason.value + (f", {safe(self.detail)}" if self.detail else "")
        return f"session {self.session} closed after {self.duration_s:.3f} s: {why}"

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return {"reason": self.reason.value, "detail": self.detail, "duration_s": self.duration_s}


class SessionCut(SessionClosed, frozen=True, kw_only=True, gc=False):
    """A session ended otherwise: somebody will ask why."""

    level = EventLevel.WARN
    is_quiet = False


class ErrorReplied(Event, frozen=True, kw_only=True, gc=False):
    """The client got an error of ours."""

    level = EventLevel.WARN
    source = "session"

    status: int
    sentence: str

    @property
    def message(self) -> str:
        """One sentence for people."""
        return f"session {self.session} answered {self.status}: {safe(self.sentence)}"

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return {"status": self.status, "sentence": self.sentence}


class BackendFailed(Event, frozen=True, kw_only=True, gc=False):
    """A backend did not accept, or did not answer as it should: `reason` says which."""

    level = EventLevel.ERROR
    source = "backend"

    backend: str
    address: str
    reason: str

    @property
    def message(self) -> str:
        """One sentence for people."""
        return (
            f"session {self.session}, backend {self.backend} ({safe(self.address)}): "
            f"{safe(self.reason)}"
        )

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return {"backend": self.backend, "address": self.address, "reason": self.reason}


class BackendHealthLost(Event, frozen=True, kw_only=True, gc=False):
    """A backend gets nothing any more: it is down, or ejected."""

    level = EventLevel.WARN
    source = "backend"

    backend: str
    health: Health
    before: Health
    lasted_s: float
    """How long it was that before."""
    reason: str
    left: int
    """How many of its pool can work now."""

    @property
    def message(self) -> str:
        """One sentence for people."""
        pool = self.backend.partition("/")[0]
        why = f": {safe(self.reason)}" if self.reason else ""
        was = f"; it was {self.before.value} for {self.lasted_s:.1f} s"
        left = f"{self.left or 'nobody'} of pool {pool} can work"
        return f"backend {self.backend} is {self.became}{why}{was}; {left}"

    @property
    def became(self) -> str:
        """What it is, in words."""
        return self.health.value

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return {
            "backend": self.backend,
            "health": self.health.value,
            "before": self.before.value,
            "lasted_s": self.lasted_s,
            "reason": self.reason,
            "left": self.left,
        }


class BackendHealthBack(BackendHealthLost, frozen=True, kw_only=True, gc=False):
    """A backend is up, or gets work again."""

    level = EventLevel.INFO

    @property
    def became(self) -> str:
        """What it is, in words: time alone brings an ejected one back, and proves nothing."""
        return "let back in" if self.before is Health.EJECTED else self.health.value


class PoolHealthLost(BackendHealthLost, frozen=True, kw_only=True, gc=False):
    """It was the last one of its pool: nobody there gets work any more."""

    level = EventLevel.ERROR


class Noted(Event, frozen=True, kw_only=True, gc=False):
    """Anything else that is said once: an edit, a reload, a listener, the engine's own life."""

    what: str
    said_by: str = "engine"
    weight: EventLevel = EventLevel.INFO
    values: dict[str, Any] = {}

    @property
    def message(self) -> str:
        """One sentence for people."""
        return safe(self.what)

    @property
    def fields(self) -> dict[str, Any]:
        """The values in the sentence, by their names on the wire."""
        return self.values


def level_of(event: Event) -> EventLevel:
    """Return how much `event` matters."""
    return event.weight if isinstance(event, Noted) else event.level


def source_of(event: Event) -> str:
    """Return which part of the engine tells of `event`."""
    return event.said_by if isinstance(event, Noted) else event.source
