"""Where the control sockets of engines live, and which engines are running.

`$XDG_RUNTIME_DIR/rsp/<port>.sock`, else `/tmp/rsp-<uid>/<port>.sock`. The directory is ours alone
(mode 0700); one that is not is refused, for another user could listen there in our name.
"""

import os
import socket
import stat
from pathlib import Path

from rsp.core.addresses import UNIX_PATH_BYTES


class ControlPathRefused(Exception):
    """A place for a control socket that cannot be used. The text says why, and what to do."""


def control_directory() -> Path:
    """Return the directory of this user's control sockets; it need not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "rsp"
    return Path("/tmp") / f"rsp-{os.getuid()}"


def default_control_path(name: int | str) -> Path:
    """Return the control socket's path of an engine: `name` is the port of its first listener, or
    of what file that one has.

    Makes the directory where it is missing.

    Raises:
        ControlPathRefused: the directory is not ours alone.
    """
    directory = control_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise ControlPathRefused(
            f"cannot make {directory} for the control socket: {error.strerror}; "
            "name another place with --control PATH"
        ) from None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise ControlPathRefused(
            f"{directory} is not a directory that only you can use (mode 0700, your own); "
            "remove it, or name another place with --control PATH"
        )
    return directory / f"{name}.sock"


def check_length(path: Path) -> None:
    """Check that a socket can have this path.

    Raises:
        ControlPathRefused: it is too long.
    """
    length = len(os.fsencode(path))
    if length > UNIX_PATH_BYTES:
        raise ControlPathRefused(
            f"the control socket's path is {length} bytes long, and a socket's can have "
            f"{UNIX_PATH_BYTES}: {path}; name a shorter one with --control PATH"
        )


def is_alive(path: Path) -> bool:
    """Tell whether an engine answers at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def running_engines() -> list[Path]:
    """Return the control sockets of all engines of this user that answer."""
    try:
        found = sorted(control_directory().glob("*.sock"))
    except OSError:
        return []
    return [path for path in found if is_alive(path)]
