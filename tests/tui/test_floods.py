"""What the dashboard does in a flood: a full listener, a spent memory budget, many events."""

import asyncio
from typing import Any, cast

import msgspec
import pytest

from rsp.core.listener_rows import ListenerRow
from rsp.core.replies import Events, MemoryRow, Status
from rsp.core.storm import StormRow
from rsp.core.trouble import TroubleRow
from rsp.core.vocabulary import MemoryStep
from rsp.tui.client import EngineClient
from rsp.tui.feed import Feed, Pull
from rsp.tui.model.alerts import Alerts, alert_line
from rsp.tui.model.vitals import Vitals
from tests.tui import canned

MIB = 1 << 20


def under(step: str, used: int = 250) -> Status:
    return canned.status(0, blocked=0, memory=MemoryRow(used * MIB, 256 * MIB, step))


def said(status: Status) -> str:
    alerts = Alerts()
    alerts.apply(status)
    return " / ".join(alert.text for alert in alerts.now())


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (MemoryStep.NO_KEEP_ALIVE, "client connections close after their response"),
        (MemoryStep.NO_ACCEPT, "no new client is let in, and reads are small"),
        (MemoryStep.SHED, "new requests get a 503, and the newest sessions are closed"),
    ],
)
def test_each_step_of_the_memory_budget_has_its_words(step: MemoryStep, words: str) -> None:
    assert f"▲ buffers 98% of budget: {words}" in said(under(step))


def test_a_step_that_a_newer_engine_has_is_shown_as_it_is_called() -> None:
    assert "98% of budget: no_dessert" in said(under("no_dessert"))


def test_the_header_says_of_how_much_only_when_it_matters() -> None:
    def header(status: Status) -> str:
        vitals = Vitals()
        vitals.apply(status)
        return "".join(span.text for line in vitals.lines(200, ()) for span in line)

    assert "bufs 250M of 256M" in header(under(MemoryStep.SHED))
    assert " of 256M" not in header(under(MemoryStep.CALM, 10))
    assert said(under(MemoryStep.CALM, 10)) == ""


def test_a_full_listener_is_named() -> None:
    row = ListenerRow("127.0.0.1:8080", "http", connections=10_000, paused_by=["full"])
    status = canned.status(0, blocked=0, listeners=[row])
    assert said(status) == "▲ 127.0.0.1:8080 is full (10,000): new clients wait"


def test_a_full_accept_queue_is_an_alert_until_the_last_drop_is_old() -> None:
    alerts = Alerts()

    def seen(at_s: float, queue: int, dropped: int) -> str:
        row = ListenerRow("127.0.0.1:80", "http", accept_queue=queue, accept_backlog=4)
        row.accept_dropped = dropped
        alerts.apply(canned.status(0, blocked=0, listeners=[row], now_s=at_s))
        return " / ".join(alert.text for alert in alerts.now())

    assert seen(1.0, 0, 7) == "", "what was dropped before is nobody's news"
    assert "accept queue of 127.0.0.1:80 full (5 of 4), the kernel dropped 3 tries" in seen(
        2, 5, 10
    )
    assert "not full any more (0 of 4), the kernel dropped 3 tries" in seen(11.0, 0, 10)
    assert seen(12.5, 0, 10) == ""


def test_missed_events_are_told_while_it_is_news() -> None:
    alerts = Alerts()

    def seen(at_s: float, lost: int) -> list[str]:
        alerts.apply(canned.status(0, blocked=0, now_s=at_s))
        alerts.note_events_lost(lost)
        return [alert.text for alert in alerts.now()]

    assert seen(1.0, 0) == []
    assert seen(2.0, 3_013) == ["▲ 3,013 events missed: they came too fast"]
    assert seen(11.0, 3_013) == ["▲ 3,013 events missed: they came too fast"]
    assert seen(12.5, 3_013) == []


def test_backends_that_fail_come_before_those_that_are_waited_for() -> None:
    rows = [
        TroubleRow("failing", "web/web2", 10, "web/web2 failed 10 times in the last 60 s: refused"),
        TroubleRow("unanswered", "web/web1", 25, "25 requests wait for web/web1"),
        TroubleRow("of a newer engine", "web/web3", 2, "web/web3 is \x1b[31mred"),
    ]
    alerts = Alerts()
    alerts.apply(canned.status(0, blocked=0, troubles=rows))
    assert [(alert.text, alert.short, alert.role) for alert in alerts.now()] == [
        ("✗ web/web2 failed 10 times in the last 60 s: refused", "✗10 web2", "bad"),
        ("◔ 25 requests wait for web/web1", "◔25 web1", "warn"),
        ("✗ web/web3 is ␛[31mred", "✗2 web3", "bad"),
    ]


def test_an_alert_without_room_for_its_sentence_is_there_in_short() -> None:
    rows = [
        TroubleRow("failing", "web/web3", 10, "web/web3 failed 10 times in the last 60 s: refused"),
        TroubleRow("errors", "web/web2", 15, "web/web2 answers 500: 15 of its last 15"),
    ]
    alerts = Alerts()
    alerts.apply(canned.status(0, blocked=0, troubles=rows))

    def shown(width: int) -> str:
        return "".join(span.text for span in alert_line(alerts.now(), width, is_short=False))

    first, second = (f"✗ {row.sentence}" for row in rows)
    assert shown(120) == f"{first}    {second}"
    assert shown(80) == f"{first}    ✗15 web2"
    assert shown(40) == "✗10 web3    ✗15 web2"


def test_a_storm_of_endings_is_an_alert() -> None:
    storm = StormRow("CH", "client_gone", 412, 430, 10.0, "412 of the 430 sessions ended CH")
    assert said(canned.status(0, blocked=0, storms=[storm])) == f"▲ {storm.sentence}"


async def test_a_flood_of_events_is_taken_as_often_as_everything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[object] = []
    rests: list[float] = []

    class Sink:
        def take(self, pull: Pull, answer: msgspec.Struct) -> None:
            taken.append(answer)

    class Flooding(EngineClient):
        async def call(self, *_: Any, **__: Any) -> Any:
            return Events([], len(taken), 0)

    async def rest(pause_s: float) -> None:
        rests.append(pause_s)
        if len(rests) == 3:
            raise asyncio.CancelledError

    feed = Feed("/nowhere", cast(Any, Sink()))
    feed.pulls_per_s = 10
    monkeypatch.setattr(feed, "_events", Flooding("/nowhere"))
    monkeypatch.setattr("rsp.tui.feed.asyncio.sleep", rest)
    with pytest.raises(asyncio.CancelledError):
        await feed.follow_events()
    assert rests == [0.1, 0.1, 0.1]
    assert len(taken) == 3
