"""The state file: live edits that outlive the engine, in the hands of one engine at a time.

It is written whole after each change, in a thread, and is gone when there is no edit. Nothing that
goes wrong with it keeps the engine from starting or from being edited; it is said in the log, and
in the answer to each change. What is there and was not read is left alone.
"""

import asyncio
import fcntl
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from rsp.core.edits import DroppedEdit, Edit
from rsp.core.lab_limits import EDITS_FILE_BYTES, EDITS_NAMED
from rsp.core.saved_edits import NotSavedEdits, decode_edits, encode_edits
from rsp.core.units import counted
from rsp.core.vocabulary import EventLevel
from rsp.engine.server import Engine
from rsp.engine.whole_file import regular_file, write_whole

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def default_state_path(config: Path, environment: Mapping[str, str]) -> Path | None:
    """Return where the edits over the file `config` are kept unless it is said otherwise.

    `$XDG_STATE_HOME/rsp/edits/`, else `~/.local/state/rsp/edits/`; None for whoever has neither.
    The name comes from the absolute path, so that two files of one name are told apart.
    """
    home, state = environment.get("HOME", ""), environment.get("XDG_STATE_HOME", "")
    # The XDG base directory specification has relative paths ignored.
    base = Path(state) if os.path.isabs(state) else Path(home) / ".local/state"
    if not base.is_absolute():
        return None
    path = os.path.abspath(config)
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return base / "rsp/edits" / f"{config.name}-{digest}.json"


class _Refused(Exception):
    """The file cannot be used. The text says why, and what to do."""


class StateFile:
    """One file with live edits. It is ours from the moment that it was read, or made."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self._lock_fd: int | None = None
        self._is_ours = False

    def load(self) -> list[Edit]:
        """Return the edits of the run before.

        Raises:
            _Refused: the file is no record of ours, or another engine has it.
            OSError: it cannot be read.
        """
        if not os.path.lexists(self.path):
            return []
        self._hold()
        try:
            edits = decode_edits(self._read())
        except NotSavedEdits as error:
            raise _Refused(f"{error}; it is left alone: move it away") from error
        self._is_ours = True
        return edits

    def save(self, content: bytes | None) -> None:
        """Make `content` what the file says; without any, there is no file.

        Raises:
            _Refused: what is there is not ours, or it would be too long to be read.
            OSError: it cannot be written.
        """
        if content is not None and len(content) > EDITS_FILE_BYTES:
            raise _Refused(f"they take more than {EDITS_FILE_BYTES:,} bytes; write them back")
        if not self._is_ours:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._hold()
            if os.path.lexists(self.path):
                raise _Refused("it is there and was not read; it is left alone: move it away")
            self._is_ours = True
        if content is None:
            self.path.unlink(missing_ok=True)
        else:
            write_whole(str(self.path), content)

    def _read(self) -> bytes:
        with regular_file(self.path) as file:
            found = os.fstat(file.fileno())
            if found.st_uid not in (0, os.geteuid()) or found.st_mode & _OTHERS_MAY_WRITE:
                raise _Refused("it is no file that only you can write (mode 0600, your own)")
            text = file.read(EDITS_FILE_BYTES + 1)
        if len(text) > EDITS_FILE_BYTES:
            raise NotSavedEdits(f"it has more than {EDITS_FILE_BYTES:,} bytes")
        return text

    def _hold(self) -> None:
        """Keep other engines off. The lock has a file of its own, for renames replace the other;
        the kernel lets go of it when we die (flock(2))."""
        if self._lock_fd is not None:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(f"{self.path}.lock", flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise _Refused(
                f"another engine has it ({error.strerror}); give this one its own by --state FILE"
            ) from error
        self._lock_fd = fd

    def close(self) -> None:
        """Let another engine have it."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
        self._lock_fd, self._is_ours = None, False


class Keeper:
    """Brings the edits of the run before back, and keeps those of this one."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._file = StateFile(path)
        self._is_closed = False
        self._saving = asyncio.Lock()

    async def restore(self) -> None:
        """Make the kept edits again, say so, and keep all edits from now on."""
        changes = self._engine.changes
        try:
            saved = await asyncio.to_thread(self._file.load)
        except (_Refused, OSError) as error:
            self._warn(f"no live edit is restored: {self._file.path}: {_reason(error)}")
            saved = []
        dropped = await changes.restore(saved)
        self._announce(dropped)
        changes.keep = self.keep

    def _announce(self, dropped: tuple[DroppedEdit, ...]) -> None:
        if sentences := self._engine.changes.kept_edits():
            count = counted(len(sentences), "live edit")
            more = len(sentences) - EDITS_NAMED
            named = [*sentences[:EDITS_NAMED], *([f"and {more} more"] if more > 0 else [])]
            self._engine.note(
                f"restored {count}: {'; '.join(named)}; `rsp ctl undo` takes the last back"
            )
        for lost in dropped:
            self._warn(f"a live edit is not restored: {lost.edit.what} ({lost.why})")

    async def keep(self, edits: tuple[Edit, ...]) -> str:
        """Return once `edits` are on the disk; else say why they are not, and return that."""
        async with self._saving:
            unkept = await self._try_to_save(edits)
        if unkept:
            self._warn(unkept)
        return unkept

    async def _try_to_save(self, edits: tuple[Edit, ...]) -> str:
        if self._is_closed:
            # It was begun before the end, and the next engine has the file by now.
            return "the last change is not kept: the engine is stopping"
        try:
            await asyncio.to_thread(self._save, edits)
        except (_Refused, OSError) as error:
            path = self._file.path
            return f"the live edits are not kept for the next start: {path}: {_reason(error)}"
        return ""

    def _save(self, edits: tuple[Edit, ...]) -> None:
        path = os.fsencode(self._engine.changes.config.path or "")
        # JSON has no place for what is no UTF-8.
        named = path.decode("utf-8", "replace") or None
        self._file.save(encode_edits(edits, named) if edits else None)

    def _warn(self, what: str) -> None:
        self._engine.note(what, EventLevel.WARN)

    async def close(self) -> None:
        """Let the next engine have the file: from now on nothing is kept."""
        async with self._saving:
            self._is_closed = True
            self._file.close()


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
