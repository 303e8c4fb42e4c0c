"""Rows of the screen as a JSON file in the current directory."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rsp.core.sanitise import json_of
from rsp.core.units import counted


class SaveFailed(Exception):
    """The file could not be written. The text names it and says why."""


def save_rows(what: str, rows: Sequence[msgspec.Struct], now: datetime) -> str:
    """Write `rows` to a new file named after `what` and `now`; return a sentence that names it.

    The file is only for its owner: rows hold strangers' requests.

    Raises:
        SaveFailed: it is there already, or cannot be written.
    """
    said = counted(len(rows), "row")
    path = Path.cwd() / f"rsp-{what}-{now:%Y%m%d-%H%M%S}.json"
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(json_of(list(rows), is_indented=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise SaveFailed(f"Saving {said} to {path}: {error.strerror}.") from error
    return f"Saved {said} to {path}."
