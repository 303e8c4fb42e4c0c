"""Events: one sentence each, its values, and nothing of a stranger's that a terminal obeys."""

import msgspec
import pytest

from rsp.core.events import (
    BackendFailed,
    BackendHealthBack,
    BackendHealthLost,
    ErrorReplied,
    Event,
    Noted,
    PoolHealthLost,
    SessionClosed,
    SessionCut,
    SessionOpened,
    level_of,
    source_of,
)
from rsp.core.vocabulary import CloseReason, EventLevel, Health

HOSTILE = "\x1b]52;c;cm0gLXJm\x07\x9b2J\u202e\nsecond line"

OPENED = SessionOpened(at_s=1.0, session=41, client="192.0.2.1:5", listener="127.0.0.1:80")
CLOSED = SessionClosed(
    at_s=1.0, session=41, reason=CloseReason.FINISHED, detail="", duration_s=1.25
)
CUT = SessionCut(
    at_s=1.0, session=41, reason=CloseReason.CLIENT_GONE, detail="ECONNRESET", duration_s=0.5
)
REPLIED = ErrorReplied(at_s=1.0, session=41, status=502, sentence="backend web/a refused")
FAILED = BackendFailed(
    at_s=1.0,
    session=41,
    backend="web/a",
    address="127.0.0.1:9001",
    reason="connecting: refused (ECONNREFUSED)",
)
DOWN = BackendHealthLost(
    at_s=1.0, backend="web/a", health=Health.DOWN, before=Health.UP, lasted_s=12.04,
    reason="status 503", left=2,
)  # fmt: skip
LAST = PoolHealthLost(
    at_s=1.0, backend="web/a", health=Health.DOWN, before=Health.UNKNOWN, lasted_s=0.5,
    reason=HOSTILE, left=0,
)  # fmt: skip
BACK = BackendHealthBack(
    at_s=1.0, backend="web/a", health=Health.UP, before=Health.DOWN, lasted_s=3.0, reason="",
    left=3,
)  # fmt: skip
NOTED = Noted(
    at_s=1.0, what="reloaded", said_by="control", weight=EventLevel.WARN, values={"generation": 7}
)


@pytest.mark.parametrize(
    ("event", "level", "source", "message"),
    [
        (
            OPENED,
            EventLevel.DEBUG,
            "session",
            "session 41 opened: 192.0.2.1:5 at 127.0.0.1:80",
        ),
        (CLOSED, EventLevel.DEBUG, "session", "session 41 closed after 1.250 s: finished"),
        (
            CUT,
            EventLevel.WARN,
            "session",
            "session 41 closed after 0.500 s: client_gone, ECONNRESET",
        ),
        (REPLIED, EventLevel.WARN, "session", "session 41 answered 502: backend web/a refused"),
        (
            FAILED,
            EventLevel.ERROR,
            "backend",
            "session 41, backend web/a (127.0.0.1:9001): connecting: refused (ECONNREFUSED)",
        ),
        (NOTED, EventLevel.WARN, "control", "reloaded"),
        (
            DOWN,
            EventLevel.WARN,
            "backend",
            "backend web/a is down: status 503; it was up for 12.0 s; 2 of pool web can work",
        ),
        (
            BACK,
            EventLevel.INFO,
            "backend",
            "backend web/a is up; it was down for 3.0 s; 3 of pool web can work",
        ),
    ],
)
def test_each_event_says_how_much_it_matters_who_tells_and_what(
    event: Event, level: EventLevel, source: str, message: str
) -> None:
    assert (level_of(event), source_of(event), event.message) == (level, source, message)


def test_the_values_of_the_sentence_can_be_read_by_name() -> None:
    assert CUT.fields == {"reason": "client_gone", "detail": "ECONNRESET", "duration_s": 0.5}
    assert REPLIED.fields == {"status": 502, "sentence": "backend web/a refused"}
    assert FAILED.fields["address"] == "127.0.0.1:9001"
    assert NOTED.fields == {"generation": 7}
    assert OPENED.fields == {}
    assert DOWN.fields["reason"] == "status 503"
    assert (DOWN.fields["before"], DOWN.fields["left"]) == ("up", 2)


def test_a_note_of_the_engine_itself_is_information() -> None:
    note = Noted(at_s=0.0, what="Stopped.")
    assert (level_of(note), source_of(note), note.session) == (EventLevel.INFO, "engine", None)


def test_time_alone_proves_nothing_of_one_that_was_ejected() -> None:
    back = msgspec.structs.replace(BACK, health=Health.UNKNOWN, before=Health.EJECTED)
    assert back.message.startswith("backend web/a is let back in; it was ejected for 3.0 s;")


def test_the_last_one_of_a_pool_is_an_error() -> None:
    assert level_of(LAST) is EventLevel.ERROR
    assert LAST.message.endswith("; it was unknown for 0.5 s; nobody of pool web can work")


@pytest.mark.parametrize("event", [OPENED, CLOSED, CUT, REPLIED, FAILED, NOTED])
def test_what_happened_cannot_be_changed(event: Event) -> None:
    with pytest.raises(AttributeError):
        event.at_s = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "event",
    [
        SessionCut(at_s=0, session=1, reason=CloseReason.BAD_REQUEST, detail=HOSTILE, duration_s=0),
        ErrorReplied(at_s=0, session=1, status=400, sentence=HOSTILE),
        LAST,
    ],
)
def test_a_sentence_with_a_strangers_words_is_one_harmless_line(event: Event) -> None:
    assert event.message.isprintable()
    assert "second line" in event.message
