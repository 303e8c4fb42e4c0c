"""Ends the engine of a demo, even when the demo itself was killed: by pidfd, so that the signal can
never reach another process that got the same number later (pidfd_open(2))."""

import os
import select
import signal
from types import TracebackType

from rsp.demo.numbers import ENGINE_STOP_S


class EngineLife:
    """A hold on a running engine."""

    def __init__(self, pid: int) -> None:
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._pidfd = -1

    def __enter__(self) -> "EngineLife":
        """Hold the engine for the length of a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        if self._pidfd >= 0:
            os.close(self._pidfd)

    def end(self) -> None:
        """Ask the engine to stop; kill it when it has not ended after `ENGINE_STOP_S`."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._pidfd < 0 or self._has_ended(0):
                return
            signal.pidfd_send_signal(self._pidfd, number)
            if self._has_ended(ENGINE_STOP_S):
                return

    def _has_ended(self, wait_s: float) -> bool:
        readable, _, _ = select.select([self._pidfd], [], [], wait_s)
        return bool(readable)
