"""The log: its two forms, its rotation, and that neither strangers nor full disks can harm."""

import fcntl
import io
import json
import os
import re
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, cast
from unittest import mock

import pytest

from rsp.core.events import BackendFailed, ErrorReplied, Event, Noted, SessionOpened
from rsp.core.vocabulary import EventLevel
from rsp.engine import log as module
from rsp.engine.log import Log
from rsp.engine.telemetry import Telemetry

STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+0000\]"
HOSTILE = "\x1b]52;c;cm0=\x07\x9b2J\u202e\r\n[2026-11-23 02:45:47.123456 +0000] forged\x00"
ODD = set(HOSTILE) & {chr(code) for code in (*range(32), 127, *range(128, 160), 0x202E)}

OPENED = SessionOpened(at_s=100.0, session=41, client="192.0.2.1:5", listener="127.0.0.1:80")
FAILED = BackendFailed(
    at_s=100.0, session=41, backend="web/a", address="127.0.0.1:9001", reason="connecting: refused"
)


def lines_of(*events: Event, as_json: bool = False, least: EventLevel = EventLevel.INFO) -> str:
    """Return what a log on a stream writes for `events`."""
    stream = io.StringIO()
    log = Log(Telemetry(), stream, as_json=as_json, least=least)
    for event in events:
        log.write(event)
    return stream.getvalue()


def test_a_line_begins_with_its_time_in_utc() -> None:
    written = lines_of(Noted(at_s=100.0, what="Started.  Listening on port 8080."))
    assert re.fullmatch(rf"{STAMP} Started\.  Listening on port 8080\.\n", written)


def test_a_line_that_matters_more_says_so() -> None:
    assert re.fullmatch(
        rf"{STAMP} error: session 41, backend web/a \(127\.0\.0\.1:9001\): connecting: refused\n",
        lines_of(FAILED),
    )
    warning = Noted(at_s=100.0, what="careful", weight=EventLevel.WARN)
    assert re.fullmatch(rf"{STAMP} warn: careful\n", lines_of(warning))


@pytest.mark.parametrize("least", EventLevel)
def test_what_matters_less_is_left_out(least: EventLevel) -> None:
    order = list(EventLevel)
    events = [Noted(at_s=1.0, what=level.value, weight=level) for level in order]
    lines = lines_of(*events, least=least).splitlines()
    assert [line.split()[-1] for line in lines] == [
        level.value for level in order[order.index(least) :]
    ]


def test_a_json_line_holds_the_values_by_name() -> None:
    written = lines_of(FAILED, OPENED, as_json=True, least=EventLevel.DEBUG)
    first, second = [json.loads(line) for line in written.splitlines()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.pop("at"))
    assert first == {
        "level": "error",
        "source": "backend",
        "session": 41,
        "message": FAILED.message,
        "backend": "web/a",
        "address": "127.0.0.1:9001",
        "reason": "connecting: refused",
    }
    assert (second["level"], second["source"]) == ("debug", "session")


def test_a_bug_comes_with_its_traceback() -> None:
    bug = Noted(at_s=1.0, what="a bug of ours", values={"traceback": "Traceback:\n  line\n"})
    assert lines_of(bug).splitlines()[1:] == ["  Traceback:", "    line"], "no line of the log"
    assert json.loads(lines_of(bug, as_json=True))["traceback"] == "Traceback:\n  line\n"


def test_a_value_that_json_does_not_know_is_written_as_text() -> None:
    odd = Noted(at_s=1.0, what="odd", values={"path": Path("/tmp/x"), "level": "mine"})
    assert json.loads(lines_of(odd, as_json=True))["path"] == "/tmp/x"


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "event",
    [
        ErrorReplied(at_s=1.0, session=1, status=400, sentence=HOSTILE),
        BackendFailed(at_s=1.0, session=1, backend="web/a", address="h:1", reason=HOSTILE),
        Noted(at_s=1.0, what=HOSTILE),
        Noted(at_s=1.0, what="a bug", values={"traceback": f"Error: {HOSTILE}"}),
    ],
    ids=["a reply", "a backend", "a note", "a traceback"],
)
def test_hostile_bytes_never_reach_the_log_raw(event: Event, *, as_json: bool) -> None:
    written = lines_of(event, as_json=as_json)
    assert ODD
    assert not set(written) & (ODD - {"\n"})
    if not event.fields.get("traceback"):
        assert written.count("\n") == 1, "nobody can forge a line"


# -- a file


@pytest.fixture
def stream() -> Iterator[TextIO]:
    """Yield a stream with an fd of its own, as stderr is."""
    with open(os.devnull, "w", encoding="utf-8") as opened:
        yield opened


@pytest.fixture
def file_log(stream: TextIO, tmp_path: Path) -> Log:
    """Return a log that writes to `rsp.log`."""
    log = Log(Telemetry(), stream, as_json=False, least=EventLevel.INFO)
    log.use_file(tmp_path / "rsp.log")
    return log


def note(number: int) -> Noted:
    return Noted(at_s=1.0, what=f"line {number}")


def numbers_in(path: Path) -> list[int]:
    return [int(line.rpartition(" ")[2]) for line in path.read_text().splitlines()]


def test_a_file_is_ours_alone_and_is_added_to(file_log: Log, tmp_path: Path) -> None:
    file_log.write(note(1))
    file_log.use_file(tmp_path / "rsp.log")
    file_log.write(note(2))
    path = tmp_path / "rsp.log"
    assert numbers_in(path) == [1, 2]
    assert path.stat().st_mode & 0o777 == 0o600
    assert file_log.path == path


def test_a_large_file_is_rotated_and_one_old_one_is_kept(
    file_log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_FILE_BYTES", 1000)
    for number in range(200):
        file_log.write(note(number))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rsp.log", "rsp.log.1"]
    old, new = numbers_in(tmp_path / "rsp.log.1"), numbers_in(tmp_path / "rsp.log")
    assert old + new == list(range(200 - len(old) - len(new), 200)), "the newest, without a gap"
    assert 1000 < (tmp_path / "rsp.log.1").stat().st_size < 1100
    assert file_log.lost == 0


def test_a_file_that_is_large_already_is_rotated_at_once(
    file_log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_FILE_BYTES", 1000)
    (tmp_path / "old.log").write_text("x" * 2000)
    file_log.use_file(tmp_path / "old.log")
    file_log.write(note(1))
    file_log.write(note(2))
    assert (tmp_path / "old.log.1").stat().st_size > 2000
    assert numbers_in(tmp_path / "old.log") == [2]


def test_a_file_that_cannot_be_opened_is_an_error_and_changes_nothing(
    file_log: Log, tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="No such file"):
        file_log.use_file(tmp_path / "missing" / "rsp.log")
    file_log.write(note(1))
    assert numbers_in(tmp_path / "rsp.log") == [1]


def test_a_directory_that_vanished_costs_nothing(
    file_log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_FILE_BYTES", 100)
    (tmp_path / "rsp.log").unlink()
    tmp_path.rmdir()
    for number in range(20):
        file_log.write(note(number))
    assert file_log.lost > 0


# -- a log that cannot be written


class Failing(io.StringIO):
    """A stream whose disk is full, or whose reader is gone, until it is not."""

    def __init__(self, fail: Callable[[], None]) -> None:
        super().__init__()
        self.fail = fail

    def flush(self) -> None:
        self.fail()


def disk_full() -> None:
    raise OSError(28, "No space left on device")


def reader_gone() -> None:
    raise BrokenPipeError


def stream_closed() -> None:
    raise ValueError("I/O operation on closed file")


def would_block() -> None:
    raise BlockingIOError(11, "write could not complete without blocking")


@pytest.mark.parametrize("fail", [disk_full, reader_gone, stream_closed, would_block])
def test_a_log_that_cannot_be_written_costs_its_line(fail: Callable[[], None]) -> None:
    stream = Failing(fail)
    log = Log(Telemetry(), stream, as_json=False, least=EventLevel.INFO)
    log.write(note(1))
    log.write(note(2))
    assert log.lost == 2
    stream.fail = lambda: None
    log.write(note(3))
    assert log.lost == 2


def test_a_full_disk_costs_nothing(tmp_path: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        log = Log(Telemetry(), full, as_json=False, least=EventLevel.INFO)
        for number in range(10):
            log.write(note(number))
        assert log.lost == 10
        # What the stream still holds must go somewhere, or closing it fails as well.
        log.use_file(tmp_path / "rsp.log")
        log.write(note(10))
    assert numbers_in(tmp_path / "rsp.log")[-1] == 10


def test_the_log_listens_to_telemetry() -> None:
    stream = io.StringIO()
    telemetry = Telemetry()
    telemetry.listen(
        Log(telemetry, cast(TextIO, stream), as_json=True, least=EventLevel.INFO).write
    )
    telemetry.record(note(1))
    assert json.loads(stream.getvalue())["message"] == "line 1"


def test_a_log_that_nobody_reads_costs_its_lines_and_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "w") as stream:
        log = Log(Telemetry(), stream, as_json=False, least=EventLevel.INFO)
        for number in range(20_000):
            log.write(Noted(at_s=1.0, what=f"line {number}"))
        assert 0 < log.lost < 20_000


def test_a_line_that_is_longer_than_the_room_of_a_pipe_is_cut_and_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as stream:
        log = Log(Telemetry(), stream, as_json=False, least=EventLevel.INFO)
        room_bytes = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)
        os.write(writing, b"\n" * (room_bytes - select.PIPE_BUF))
        log.write(Noted(at_s=1.0, what="x" * 3 * select.PIPE_BUF))
        assert log.lost == 1
        log.write(note(1))
        assert log.lost == 2, "there is no room for the next one either"
        before = reader.read(room_bytes).strip()
        assert len(before) == select.PIPE_BUF
        log.write(note(2))
        log.write(note(3))
        lines = os.read(reading, room_bytes).decode().splitlines()
        assert [line.rpartition(" ")[2] for line in lines] == ["", "2", "3"]


def test_a_file_that_somebody_took_away_is_there_again_at_the_next_turn(
    file_log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_FILE_BYTES", 100)
    (tmp_path / "rsp.log").unlink()
    for number in range(20):
        file_log.write(note(number))
    assert numbers_in(tmp_path / "rsp.log")[-1] == 19


def test_a_file_that_could_not_be_opened_once_is_opened_the_next_time(
    file_log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_FILE_BYTES", 100)
    with monkeypatch.context() as once:
        once.setattr(os, "open", mock.Mock(side_effect=OSError(24, "Too many open files")))
        for number in range(3):
            file_log.write(note(number))
    assert not (tmp_path / "rsp.log").exists()
    for number in range(20):
        file_log.write(note(number))
    assert numbers_in(tmp_path / "rsp.log")[-1] == 19
