"""The log: one line for each event that matters, on stderr or in a file, as text or as JSON."""

import json
import os
import select
from pathlib import Path
from typing import TextIO

from rsp.core.events import Event, level_of, source_of
from rsp.core.limits import LOG_FILE_BYTES
from rsp.core.sanitise import safe
from rsp.core.vocabulary import EventLevel
from rsp.engine.telemetry import Telemetry

_ORDER = list(EventLevel)


class Log:
    """Writes events; a log that cannot be written costs its line, and never a request."""

    def __init__(
        self, telemetry: Telemetry, stream: TextIO, *, as_json: bool, least: EventLevel
    ) -> None:
        self.lost = 0
        """Lines that could not be written: the disk is full, or the reader is gone."""
        self.path: Path | None = None
        self._telemetry = telemetry
        self._stream = stream
        self._as_json = as_json
        self._least = _ORDER.index(least)
        self._bytes = 0
        self._written: Event | None = None
        self._is_cut = False
        """Whether the last line broke off in its midst: the next one begins on its own."""

    def use_file(self, path: Path) -> None:
        """Write to the file `path` from now on: the stream's fd becomes that file.

        Raises:
            OSError: it cannot be opened.
        """
        self.path = path
        self._reopen(path)

    def write_now(self, event: Event) -> None:
        """Write the line of `event` past all buffers; `write` leaves it out when it comes there.

        For the one thread that is not the loop's: a line is written by one call, whole.
        """
        if _ORDER.index(level_of(event)) < self._least:
            return
        self._written = event
        try:
            os.write(self._stream.fileno(), self._line(event).encode("utf-8", "replace"))
        except (OSError, ValueError):
            self.lost += 1

    def _line(self, event: Event) -> str:
        return (self._json if self._as_json else self._text)(event) + "\n"

    def write(self, event: Event) -> None:
        """Write the line of `event`, if it matters enough."""
        if event is self._written or _ORDER.index(level_of(event)) < self._least:
            return
        try:
            self._put(self._line(event))
        except (OSError, ValueError):
            self.lost += 1
            return
        if self.path is not None and self._bytes > LOG_FILE_BYTES:
            self._rotate(self.path)

    def _put(self, line: str) -> None:
        """Write a line, or as much of it as goes without waiting for whoever reads.

        Raises:
            OSError, ValueError: not all of it was written.
        """
        try:
            fd = self._stream.fileno()
        except (OSError, ValueError):
            # No file of the kernel's, or closed.
            self._stream.write(line)
            self._stream.flush()
            return
        rest = (b"\n" if self._is_cut else b"") + line.encode("utf-8", "replace")
        while rest:
            if not _has_room(fd):
                raise OSError("nobody reads it")
            count = os.write(fd, rest[: select.PIPE_BUF])
            self._bytes += count
            rest = rest[count:]
            self._is_cut = bool(rest)

    def _rotate(self, path: Path) -> None:
        try:
            os.replace(path, path.with_suffix(path.suffix + ".1"))
        except FileNotFoundError:
            # Somebody took it away: what is written goes nowhere until there is a new one.
            pass
        except OSError:
            # Tried again behind as much more.
            self._bytes = 0
            return
        try:
            self._reopen(path)
        except OSError:
            self.lost += 1
            self._bytes = 0

    def _reopen(self, path: Path) -> None:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._bytes = os.fstat(opened).st_size
        os.dup2(opened, self._stream.fileno())
        os.close(opened)

    def _text(self, event: Event) -> str:
        stamp = self._telemetry.wall(event.at_s).strftime("%Y-%m-%d %H:%M:%S.%f +0000")
        level = level_of(event)
        word = "" if level is EventLevel.INFO else f"{level.value}: "
        redact = self._telemetry.redactor.text
        lines = f"[{stamp}] {word}{redact(event.message)}"
        trace = event.fields.get("traceback")
        if not trace:
            return lines
        trace = redact(trace)
        # Indented, so that no line of it can pass for one of the log's own.
        return "\n".join([lines, *("  " + safe(line) for line in trace.rstrip().split("\n"))])

    def _json(self, event: Event) -> str:
        redactor = self._telemetry.redactor
        record = {
            "at": self._telemetry.stamp(event.at_s),
            "level": level_of(event).value,
            "source": source_of(event),
            "session": event.session,
            "message": safe(redactor.text(event.message)),
            **redactor.values(event.fields),
        }
        return json.dumps(record, ensure_ascii=True, default=str)


def _has_room(fd: int) -> bool:
    """Tell whether PIPE_BUF bytes can be written without waiting: a pipe that is full, or a
    terminal that is stopped, would hold all traffic up (poll(2), pipe(7))."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))
