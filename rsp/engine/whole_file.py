"""Files that are whole at every moment: the new text takes the place of the old by one rename.

They are read here, too, for only of a regular file the end is sure to come.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO


@contextlib.contextmanager
def regular_file(path: str | os.PathLike[str], *, or_pipe: bool = False) -> Iterator[BinaryIO]:
    """Open the file `path` to read it, without waiting for anybody who would write to a FIFO.

    With `or_pipe` anything that can be read will do; its end comes when its writers have gone.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            if not or_pipe:
                # 0: the kernel has no complaint.
                raise OSError(0, "it is no regular file")
            os.set_blocking(fd, True)
        yield file


def write_whole(
    path: str,
    content: bytes,
    like: os.stat_result | None = None,
    *,
    just_before: Callable[[], None] = lambda: None,
) -> None:
    """Make `content` the whole content of `path`, on the disk when this returns.

    Its mode and owner become those of `like`, the owner as far as we may; without it the mode is
    0600. `just_before` is called before the rename, and stops it by raising.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    directory = os.path.dirname(path) or "."
    # Opened before, as behind the rename nothing may fail any more.
    directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=directory)
        with _gone_if_it_fails(temporary):
            with os.fdopen(fd, "wb") as file:
                _fill(file.fileno(), content, like)
            just_before()
            os.rename(temporary, path)
        # Lets the rename survive a loss of power, too (fsync(2)).
        with contextlib.suppress(OSError):
            os.fsync(directory_fd)
    finally:
        os.close(directory_fd)


def write_new(path: str, content: bytes, like: os.stat_result) -> str:
    """Write `content` to a new file called `path`, or `path.2` and so on; return its name.

    Raises:
        OSError: it cannot be written.
    """
    number, name = 1, path
    while True:
        try:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            name = f"{path}.{number}"
            continue
        with _gone_if_it_fails(name), os.fdopen(fd, "wb") as file:
            _fill(file.fileno(), content, like)
        return name


@contextlib.contextmanager
def _gone_if_it_fails(path: str) -> Iterator[None]:
    """Leave no half of a file behind."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _fill(fd: int, content: bytes, like: os.stat_result | None) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    if like is not None:
        # The owner first: a change of it takes bits off the mode (chown(2)).
        with contextlib.suppress(PermissionError):
            os.fchown(fd, like.st_uid, like.st_gid)
        os.fchmod(fd, stat.S_IMODE(like.st_mode))
    os.fsync(fd)
