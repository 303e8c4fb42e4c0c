"""A wait for room: what a connection leaves behind when it meets EAGAIN, for who looks later."""

from typing import TYPE_CHECKING

from rsp.engine.kernel import RawLook

if TYPE_CHECKING:
    from rsp.engine.stalls import Stall


class Wait:
    """One time for which a connection could not write. Times are monotonic seconds."""

    __slots__ = ("began_s", "ended_s", "raw", "stall")

    def __init__(self, began_s: float, raw: RawLook) -> None:
        self.began_s = began_s
        self.ended_s = 0.0
        """0: it goes on."""
        self.raw = raw
        """What the kernel knew when it began, unread."""
        self.stall: Stall | None = None
        """What it has come to, once it is long enough to be one."""
