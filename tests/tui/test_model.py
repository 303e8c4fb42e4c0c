"""The pure half of the dashboard: figures, columns, the list, rates, strips, sentences."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rsp.core.evidence import QueuedRow, StallRow
from rsp.core.filter import parse_filter
from rsp.core.replies import ConnectionRow, Connections, Events
from rsp.tui.clipboard import TooMuchToCopy, osc_52
from rsp.tui.limits import CLOSED_SHOWN_S
from rsp.tui.model import text
from rsp.tui.model.alerts import Alerts
from rsp.tui.model.columns import header_line, place, row_line
from rsp.tui.model.dashboard import Model
from rsp.tui.model.event_log import EventLog
from rsp.tui.model.history import HistoryBook
from rsp.tui.model.session_columns import SESSION_COLUMNS, state_of
from rsp.tui.model.sessions import Session, SessionList
from rsp.tui.model.sorting import field_named
from rsp.tui.model.spans import Span, beside, cut, fit, fold, line, plain, width_of, wrap
from rsp.tui.model.vitals import Vitals
from rsp.tui.model.why import why
from tests.tui import canned, canned_endings


@pytest.mark.parametrize(
    ("count", "written"),
    [(0, "0"), (512, "512"), (999, "999"), (1000, "1.0K"), (65_536, "64K"), (1_258_291, "1.2M")],
)
def test_size(count: int, written: str) -> None:
    assert text.size(count) == written


@given(st.integers(0, 2**59))
def test_a_size_is_never_wider_than_its_column(count: int) -> None:
    assert len(text.size(count)) <= 4


@given(st.floats(0, 1e9))
def test_a_duration_is_never_wider_than_its_column(seconds: float) -> None:
    assert len(text.duration(min(seconds, 99_999))) <= 6


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "00:00"), (41.9, "00:41"), (3599, "59:59"), (3600, "1h00m"), (183_780, "2d03h")],
)
def test_age(seconds: float, written: str) -> None:
    assert text.age(seconds) == written


@given(st.text(), st.integers(1, 40))
def test_a_cell_has_exactly_its_width(value: str, width: int) -> None:
    clean = "".join(c for c in value if c.isprintable())
    assert cell_len(fit(clean, width)) == width


@given(st.floats(0, 3), st.integers(1, 30))
def test_a_gauge_has_its_width_and_shows_the_least_bit(part: float, width: int) -> None:
    filled, empty = text.gauge(part, width)
    assert cell_len(filled + empty) == width
    assert bool(filled) == (part > 0)


def test_a_sparkline_of_little_is_not_a_sparkline_of_nothing() -> None:
    assert text.sparkline([0.0, 0.001, 1.0], 3) == "▁▁█"
    assert text.sparkline([0.0, 1.0], 4, 2.0) == "  ▁▄"


@given(st.integers(20, 220))
def test_a_row_and_its_titles_are_as_wide_as_the_table(width: int) -> None:
    placed = place(SESSION_COLUMNS, width)
    row = Session(canned.blocked(41, 3))
    assert width_of(row_line(placed, row)) == width_of(header_line(placed, "eagain", "↓"))
    assert width_of(row_line(placed, row)) <= width or len(placed) == 1


def test_columns_are_dropped_in_the_declared_order() -> None:
    kept = [column.id for column, _ in place(SESSION_COLUMNS, 75)]
    assert kept == ["id", "client", "request", "backend", "state", "fill", "eagain"]


def test_lines_are_cut_and_joined_to_a_width() -> None:
    whole = line("abc", Span("def", "bad"))
    assert plain(cut(whole, 5)) == "abcd…"
    assert plain(cut(whole, 8)) == "abcdef  "
    assert plain(beside(line("left"), line("right"), 12)) == "left   right"
    assert plain(beside(line("left"), line("right"), 9)) == "left     "


def test_wrapping_breaks_at_blanks_and_in_long_words() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefgh", 3) == ["abc", "def", "gh"]


def test_a_line_that_is_folded_keeps_its_roles_and_stands_as_far_in() -> None:
    folded = fold((Span("  one ", "key"), Span("two three", "dim")), 9)
    assert [plain(row) for row in folded] == ["  one two", "  three"]
    assert [[span.role for span in row] for row in folded] == [["key", "dim"], ["", "dim"]]
    assert fold((), 9) == [()]


@given(st.text("ab 日\u0301"), st.integers(2, 12))
def test_a_folded_line_fits_and_loses_nothing_but_blanks(said: str, width: int) -> None:
    rows = [plain(row) for row in fold((Span(said),), width)]
    assert all(cell_len(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == said.replace(" ", "")


def snapshot(now_s: float, *rows: ConnectionRow) -> Connections:
    return Connections(7, len(rows), now_s, list(rows))


def test_trouble_comes_first() -> None:
    sessions = SessionList()
    sessions.apply(canned.connections(0))
    sessions.apply(canned.connections(2))
    assert [session.id for session in sessions.rows()][:2] == [41, 47]


def test_rates_are_taken_by_the_clock_of_the_engine() -> None:
    sessions = SessionList()
    sessions.apply(canned.connections(0))
    sessions.apply(canned.connections(2))
    assert sessions.sessions[41].eagain_per_s == 37


def test_a_new_backend_connection_makes_no_negative_rate() -> None:
    sessions = SessionList()
    sessions.apply(snapshot(1.0, canned.session(1, backend=canned.peer(5, "b:1", bytes_in=9_000))))
    sessions.apply(snapshot(3.0, canned.session(1, backend=canned.peer(6, "b:2", bytes_in=10))))
    assert sessions.sessions[1].backend_in_per_s == 0


def test_the_rates_of_many_sessions_are_not_all_due_in_the_same_frame() -> None:
    sessions = SessionList()
    counted = []
    for frame in range(16):
        now_s = 10 + frame * 0.2
        rows = [canned.session(number, client=canned.peer(9, "a", bytes_out=frame * 200))
                for number in range(100)]  # fmt: skip
        sessions.apply(snapshot(now_s, *rows))
        counted.append(sum(found.counted_at_s == now_s for found in sessions.sessions.values()))
    assert counted == [100, *[20] * 15]
    rates = {round(found.client_out_per_s) for found in sessions.sessions.values()}
    assert rates == {1000}


def test_a_closed_session_stays_for_a_moment() -> None:
    sessions = SessionList()
    sessions.apply(snapshot(1.0, canned.session(1), canned.session(2)))
    sessions.apply(snapshot(2.0, canned.session(2)))
    assert [(s.id, s.row.state) for s in sessions.rows()] == [(2, "streaming"), (1, "closed")]
    sessions.apply(snapshot(2.0 + CLOSED_SHOWN_S, canned.session(2)))
    assert [s.id for s in sessions.rows()] == [2]


def test_the_order_stands_still_after_a_key() -> None:
    sessions = SessionList(sort=field_named("age"))
    sessions.apply(snapshot(10.0, canned.session(1, age_s=5), canned.session(2, age_s=1)))
    sessions.hold()
    sessions.apply(snapshot(11.5, canned.session(1, age_s=5), canned.session(2, age_s=9)))
    assert [s.id for s in sessions.rows()] == [1, 2]
    sessions.apply(snapshot(12.6, canned.session(1, age_s=5), canned.session(2, age_s=9)))
    assert [s.id for s in sessions.rows()] == [2, 1]


def test_filter_marks_and_reverse() -> None:
    sessions = SessionList(matches=parse_filter("state:blocked").matches)
    sessions.apply(canned.connections(0))
    assert [s.id for s in sessions.rows()] == [41]
    sessions.matches = None
    sessions.toggle_mark(43)
    sessions.only_marked = True
    sessions.arrange()
    assert [s.id for s in sessions.rows()] == [43]
    sessions.only_marked = False
    sessions.sort = field_named("id")
    sessions.reverse = True
    sessions.arrange()
    assert sessions.rows()[0].id == 48


def test_equal_rows_keep_their_places_both_ways() -> None:
    rows = [canned.session(number) for number in (3, 1, 2)]
    sessions = SessionList(sort=field_named("host"))
    sessions.apply(snapshot(5.0, *rows))
    assert [s.id for s in sessions.rows()] == [1, 2, 3]


def test_a_history_keeps_the_peak_of_each_step() -> None:
    book = HistoryBook()
    book.observe(canned.session(1), 10.0)
    for now_s, unsent in ((10.1, 65_536), (10.2, 0), (10.5, 0)):
        row = canned.session(
            1, client=canned.peer(1, "c", unsent_bytes=unsent, eagain_writes=unsent)
        )
        book.observe(row, now_s)
    assert list(book.of(1).client.fill) == [0.0, 1.0]
    assert not book.of(2).client.fill


def test_the_sentence_names_who_does_not_read() -> None:
    sessions = SessionList()
    sessions.apply(canned.connections(0))
    sessions.apply(canned.connections(1))
    said = plain(why(sessions.sessions[41]))
    assert said == (
        "The client (fd 92) reads only 39.1 KiB/s, EAGAIN for 42 s: 64.0 KiB wait here, "
        "2.5 MiB in the kernel; reading web1 (fd 93) is paused."
    )


def test_the_sentence_says_for_how_long_there_has_been_no_room() -> None:
    client = canned.peer(5, "192.0.2.1:4711", blocked_s=7.04, unsent_bytes=100)
    said = plain(why(Session(canned.session(1, client=client))))
    assert said == ("The client (fd 5) hardly reads, EAGAIN for 7.0 s: 100 B wait here.")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("client not reading: its window is 0", "Client not reading: its window is 0."),
        ("the path to client loses packets", "The path to client loses packets."),
        ("our send buffer to client is too small", "Our send buffer to client is too small."),
        ("web1 not reading: its window is 0", "web1 not reading: its window is 0."),
    ],
)
def test_the_cause_of_a_stall_stands_in_its_sentence(sentence: str, shown: str) -> None:
    stall = StallRow(7.0, "peer_not_reading", sentence, {})
    client = canned.peer(5, "192.0.2.1:4711", blocked_s=7.04, unsent_bytes=100, stall=stall)
    said = plain(why(Session(canned.session(1, client=client))))
    assert said == f"{shown} 100 B wait at fd 5."


@pytest.mark.parametrize(("cause", "role"), [("peer_sending_nothing", ""), ("engine_busy", "bad")])
def test_whoever_sends_nothing_is_named(cause: str, role: str) -> None:
    stall = StallRow(2.0, cause, "web1 sends nothing for 2.0 s: it has\x1b the request", {})
    backend = canned.peer(6, "127.0.0.1:9001", stall=stall)
    (said,) = why(Session(canned.session(1, backend=backend)))
    assert said.text == "web1 sends nothing for 2.0 s: it has␛ the request."
    assert said.role == role


@pytest.mark.parametrize("kind", [{"state": "tunnel"}, {"state": "streaming", "request": None}])
def test_what_is_passed_on_unread_says_whether_anything_passes(kind: dict[str, Any]) -> None:
    sessions = SessionList()

    def said(at_s: float, came: int, out: int, half_closed: str | None = None) -> str:
        client = canned.peer(5, "192.0.2.1:4711", bytes_in=came, bytes_out=out)
        backend = canned.peer(6, "127.0.0.1:1")
        row = canned.session(1, client=client, backend=backend, half_closed=half_closed, **kind)
        sessions.apply(Connections(7, 1, at_s, [row]))
        return plain(why(sessions.rows()[0]))

    quiet = "Open both ways, and nothing passes now: either side may speak."
    assert said(100.0, 0, 0) == quiet
    assert said(101.0, 2048, 512) == "Passed on unread: 2.0K/s from the client, 512/s to it."
    assert said(109.0, 2048, 512) == quiet
    assert said(110.0, 2048, 512, "client").startswith("The client has said all it had to say;")


def test_another_engine_begins_with_sessions_of_its_own() -> None:
    model = Model()
    model.take(canned.status(0))
    model.sessions.apply(canned.connections(0))
    model.sessions.toggle_mark(41)
    model.take(canned.status(0, pid=1))
    assert not model.sessions.rows()
    assert not model.sessions.marks


def test_a_session_that_is_back_is_not_closed() -> None:
    sessions = SessionList()
    for rows in ([canned.session(1)], [], [canned.session(1)]):
        sessions.apply(Connections(7, len(rows), 100.0, rows))
    assert [session.closed_at_s for session in sessions.rows()] == [None]


def test_who_waits_for_a_place_is_told_which_one_it_is() -> None:
    row = canned.session(1, state="queued", queued=QueuedRow("web", None, 3, 7, 2.1))
    assert (
        plain(why(Session(row))) == "It waits for a place at pool web, 3rd of 7: for 2.1 s so far."
    )
    assert state_of(row)[1] == "QUEUED"


def test_the_sentence_of_a_closed_session_has_its_reason() -> None:
    detail = canned.detail(0, state="closed", close_reason="client_gone", close_detail="reset")
    assert plain(why(Session(detail))) == "This session is over: client_gone, reset."


def test_the_sentence_of_a_closed_session_is_its_autopsy_where_there_is_one() -> None:
    autopsy = canned_endings.autopsies().autopsies[1]
    detail = canned.detail(0, state="closed", close_reason="client_gone", autopsy=autopsy)
    assert plain(why(Session(detail))) == (
        "This session is over (CD client_gone): client 203.0.113.7:50000: ECONNRESET; "
        "1,094,304 bytes were not acknowledged by the client."
    )


def test_a_slow_reader_stays_on_top_while_it_takes_a_gulp() -> None:
    sessions = SessionList()
    gulps = {"blocked_s": 0.0, "unsent_bytes": 0}
    for step in range(3):
        slow = canned.peer(5, "192.0.2.1:4711", blocked_total_s=9.0 + 0.9 * step, **gulps)
        short = canned.peer(6, "192.0.2.1:4712", blocked_s=0.1, blocked_total_s=0.2 * step)
        rows = [canned.session(1, client=short), canned.session(2, client=slow)]
        sessions.apply(Connections(7, 2, 100.0 + step, rows))
    assert [session.id for session in sessions.rows()] == [2, 1]


def test_every_state_has_a_word_and_a_sentence() -> None:
    words = set()
    for row in [
        *canned.small_table(),
        canned.session(1, state="closed"),
        canned.session(2, state="?"),
    ]:
        words.add(state_of(row)[1])
        assert row.state == "?" or plain(why(Session(row)))
    assert {"BLOCKED", "PAUSED", "HALFCLOSE", "IDLE", "CONNECT", "READING", "STREAM"} <= words


def test_a_person_who_paused_is_named_before_anything_else() -> None:
    row = canned.blocked(1)
    assert row.backend is not None
    row.backend = msgspec.structs.replace(row.backend, paused_by=["sink_full", "operator"])
    assert "a person paused it" in plain(why(Session(row)))
    assert state_of(row)[1] == "PAUSED"


def test_vitals_begin_anew_with_another_engine() -> None:
    vitals = Vitals()
    vitals.apply(canned.status(0))
    vitals.apply(canned.status(2))
    assert vitals.rates["new"] == 212
    vitals.apply(canned.status(0, pid=1, now_s=5.0))
    vitals.apply(canned.status(0, pid=1, now_s=6.0))
    assert vitals.rates["new"] == 0


def test_blocked_is_an_alert_only_after_a_second() -> None:
    alerts = Alerts()
    alerts.apply(canned.status(0, now_s=10.0))
    alerts.apply(canned.status(0, now_s=10.5))
    assert not alerts.now()
    alerts.apply(canned.status(0, now_s=11.5))
    assert "1 session blocked" in alerts.now()[0].text
    alerts.apply(canned.status(0, now_s=12.0, blocked=0))
    assert not alerts.now()


def test_each_alert_has_its_words() -> None:
    alerts = Alerts()
    alerts.apply_backends(canned.backends())
    changes = {"config_changed": True, "edits": 2, "draining": True, "loop_lag_s": 0.3}
    alerts.apply(canned.status(0, blocked=0, events_dropped=12_345, **changes))
    alerts.note_events_lost(12)
    said = " / ".join(alert.text for alert in alerts.now())
    for words in ("stopping", "300ms late", "web/web2 draining", "changed on disk", "2 live edits"):
        assert words in said
    assert "12 events missed" in said


def test_the_event_log_counts_gaps_and_begins_anew() -> None:
    log = EventLog()
    log.apply(Events(canned.events(), 4, dropped=1_000))
    assert log.dropped == 0, "what was before we came is no gap"
    assert [row.seq for row in log.chosen("warn", "")] == [2, 3]
    assert [row.seq for row in log.chosen("debug", "engine")] == [4]
    later = msgspec.structs.replace(canned.events()[0], seq=14)
    log.apply(Events([later], 14, 9))
    assert log.dropped == 9
    log.apply(Events(canned.events()[:1], 1, 0))
    assert len(log.rows) == 1


def test_the_clipboard_goes_through_tmux() -> None:
    assert osc_52("hi", {}) == "\x1b]52;c;aGk=\x07"
    assert osc_52("hi", {"TMUX": "x"}) == "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"
    with pytest.raises(TooMuchToCopy, match="ctrl\\+s"):
        osc_52("x" * 100_000, {})


def test_a_line_that_is_cut_between_two_spans_says_so() -> None:
    whole = (Span("ab"), Span("cd", "dim"), Span("ef"))
    assert plain(cut(whole, 6)) == "abcdef"
    assert plain(cut(whole, 4)) == "abc…"
    assert plain(cut(whole, 3)) == "ab…"
    assert plain(cut((Span("ab"), Span("  ")), 2)) == "ab"
