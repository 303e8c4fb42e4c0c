"""Starts the world as a process of its own, and listens to what it says."""

import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

import msgspec

from rsp.demo.reports import EngineIsHere, Outcome, SitesAreOpen
from rsp.demo.scenes import Scene

OUTCOMES_KEPT = 8
"""Outcomes that a story shows are the last few; no more are kept."""

OUTCOME_S = 60.0
"""A story whose next outcome takes longer than this is stuck; one round takes about 7 s."""

_decode = msgspec.json.Decoder(SitesAreOpen | Outcome).decode


class WorldProcess:
    """The running world. It ends when this process ends, however that happens."""

    def __init__(self, scene: Scene, directory: Path) -> None:
        """Start it and wait until its sites are open; `directory` ends with it.

        Raises:
            RuntimeError: it ended before that.
        """
        read_end, write_end = os.pipe()
        command = [sys.executable, "-P", "-m", "rsp.demo.world"]
        self.process = subprocess.Popen(
            [*command, "--scene", scene, "--life", str(read_end), "--directory", directory],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(read_end,),
            start_new_session=True,
        )
        os.close(read_end)
        self._life = os.fdopen(write_end, "wb", buffering=0)
        self.outcomes: deque[Outcome] = deque(maxlen=OUTCOMES_KEPT)
        """What its story measured, newest last."""
        self._said_so_far = 0
        self._outcome_came = threading.Condition()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self.sites = self._first_report()
        self._listening.start()

    def _first_report(self) -> SitesAreOpen:
        line = self._said().readline()
        report = _decode(line) if line else None
        if not isinstance(report, SitesAreOpen):
            self.end()
            raise RuntimeError("the demo's sites did not start; their own message stands above")
        return report

    def _said(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _listen(self) -> None:
        for line in self._said():
            report = _decode(line)
            if isinstance(report, Outcome):
                with self._outcome_came:
                    self.outcomes.append(report)
                    self._said_so_far += 1
                    self._outcome_came.notify_all()

    def wait_for_outcomes(self, count: int) -> list[Outcome]:
        """Wait until the story has measured `count` more things, at most `OUTCOMES_KEPT`, and
        return them.

        Raises:
            RuntimeError: that took longer than `OUTCOME_S`.
        """
        with self._outcome_came:
            wanted = self._said_so_far + count
            if not self._outcome_came.wait_for(lambda: self._said_so_far >= wanted, OUTCOME_S):
                raise RuntimeError(f"the demo's story said nothing for {OUTCOME_S:g} s")
            return list(self.outcomes)[-count:]

    def send_traffic(self, engine: EngineIsHere) -> None:
        """Tell the world where the engine is: its clients begin."""
        self._life.write(msgspec.json.encode(engine) + b"\n")

    def end(self) -> None:
        """End the world, and with it the engine it was told of."""
        self._life.close()
        self.process.wait()
        if self._listening.is_alive():
            self._listening.join()
        self._said().close()
