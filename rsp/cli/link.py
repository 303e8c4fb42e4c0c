"""One blocking conversation with an engine's control socket, for commands that ask and end."""

import contextlib
import socket
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rsp.cli.failure import NO_ENGINE, WRONG_USAGE, Failure
from rsp.core.wire import CommandRefused, decode_reply, encode_request

T = TypeVar("T")

_ANSWER_S = 90.0
"""An engine that says nothing for this long is stuck: longer than its longest wait for an event."""


class Link:
    """A connection to one engine. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_ANSWER_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise Failure(
                f"no engine at {path}: {error.strerror or error}; "
                "start one with `rsp run` or `rsp serve`",
                NO_ENGINE,
            ) from None
        self._lines = self._socket.makefile("rb")
        self._number = 0

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def ask_raw(self, method: str, params: dict[str, Any]) -> bytes:
        """Give a command, and return the JSON of its result.

        Raises:
            Failure: the engine refused, or is gone.
        """
        self._number += 1
        try:
            # An engine that refuses us may have said why and hung up before we ask.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._socket.sendall(encode_request(method, params, self._number))
            line = self._lines.readline()
            if not line:
                raise Failure(f"the engine at {self.path} hung up; is it still there?", NO_ENGINE)
            return bytes(decode_reply(line).result)
        except CommandRefused as error:
            raise Failure(str(error)) from error
        except OSError as error:
            raise Failure(
                f"the engine at {self.path} does not answer: {error}", NO_ENGINE
            ) from error

    def ask(self, method: str, kind: type[T], /, **params: Any) -> T:
        """Give a command, and return its result as a `kind`. Raises as `ask_raw` does."""
        return msgspec.json.decode(self.ask_raw(method, params), type=kind)


def find_engine(control: Path | None) -> Path:
    """Return the control socket to talk to: the one given, or the only engine running.

    Raises:
        Failure: there is none, or there are several.
    """
    if control is not None:
        return control
    from rsp.engine.control_path import control_directory, running_engines

    found = running_engines()
    if len(found) == 1:
        return found[0]
    if not found:
        raise Failure(
            f"no engine is running (none answers in {control_directory()}); "
            "start one with `rsp run` or `rsp serve`, or name its socket with --control PATH",
            NO_ENGINE,
        )
    paths = "\n".join(f"  --control {path}" for path in found)
    raise Failure(f"several engines are running; say which:\n{paths}", WRONG_USAGE)
