"""The two files that a person has for the dashboard: what it remembers, and the keys of one's own.

Neither can keep the dashboard from starting: what is wrong with them is a notice.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rsp.core.sanitise import json_of, safe
from rsp.tui.model.settings import Settings, Unreadable, decoded
from rsp.tui.model.user_keys import read_keys
from rsp.tui.screens.tabs import TAB_KEYS


class Preferences:
    """Reads and writes the files. Without paths there are none, and nothing is remembered."""

    def __init__(self, state: Path | None = None, keys: Path | None = None) -> None:
        self.state = state
        self.keys = keys

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Preferences":
        """Return the places of the XDG base directories: `$XDG_STATE_HOME`, `$XDG_CONFIG_HOME`.

        Somebody who has neither these nor a home has no files.
        """
        home = _home(environment)
        state = _directory(environment, "XDG_STATE_HOME", home and home / ".local/state")
        config = _directory(environment, "XDG_CONFIG_HOME", home and home / ".config")
        return cls(state and state / "rsp/dashboard.json", config and config / "rsp/keys.json")

    def load(self) -> tuple[Settings, str]:
        """Return the settings, and a notice when their file is there and cannot be used."""
        if self.state is None:
            return Settings(), ""
        try:
            return decoded(self.state.read_bytes()), ""
        except FileNotFoundError:
            return Settings(), ""
        except (OSError, Unreadable) as error:
            return Settings(), f"The settings in {self.state} are ignored: {_reason(error)}."

    def load_keys(self) -> tuple[Mapping[str, str], str]:
        """Return the keys of a person's own, and a notice of what is wrong with their file."""
        if self.keys is None:
            return {}, ""
        try:
            found = read_keys(self.keys.read_bytes(), TAB_KEYS)
        except FileNotFoundError:
            return {}, ""
        except OSError as error:
            return {}, f"The keys in {self.keys} are ignored: {_reason(error)}."
        if not found.complaints:
            return found.keymap, ""
        return found.keymap, "\n".join([f"In {self.keys}, ignored:", *found.complaints])

    def save(self, settings: Settings) -> str:
        """Write the settings in place of those before; return a notice when it cannot be done."""
        if self.state is None:
            return ""
        try:
            self.state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A dashboard that ends in the middle leaves the file before, not half of the new one.
            descriptor, path = tempfile.mkstemp(dir=self.state.parent, prefix=".dashboard-")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(json_of(settings, is_indented=True) + "\n")
                Path(path).replace(self.state)
            except BaseException:
                Path(path).unlink(missing_ok=True)
                raise
        except OSError as error:
            return f"The settings are not remembered: {self.state}: {_reason(error)}."
        return ""


def _home(environment: Mapping[str, str]) -> Path | None:
    try:
        return Path(environment.get("HOME") or "~").expanduser()
    except RuntimeError:
        # No HOME, and the user is in no /etc/passwd, as in a container with a uid of its own.
        return None


def _directory(environment: Mapping[str, str], name: str, otherwise: Path | None) -> Path | None:
    """Return a base directory; the specification has a relative one ignored."""
    named = Path(environment.get(name, ""))
    return named if named.is_absolute() else otherwise


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return safe(str(error))
