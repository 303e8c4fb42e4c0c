"""A whole demo: the world, a directory with the configuration, and the engine."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from rsp.cli.link import Link
from rsp.cli.run import start_engine
from rsp.core.audit import audit
from rsp.core.decision_rows import Decisions
from rsp.core.evidence import FlowRow
from rsp.core.faults.rows import FaultAdded, FaultsRemoved
from rsp.core.replies import Backends, ConnectionDetail, ConnectionRow, Connections, Status
from rsp.demo.engine_life import EngineLife
from rsp.demo.reports import EngineIsHere
from rsp.demo.scenes import FEW_BACKENDS, Scene, cured, line_of_the_bug, lua_for
from rsp.demo.slow_client import BOOK_HOST
from rsp.demo.stories import Evidence
from rsp.demo.world_process import WorldProcess

T = TypeVar("T")

DOWNLOADS_KEPT = 3
"""Slow downloads whose ledgers are compared with what their client found."""

DECISIONS_ASKED = 200
"""Enough to hold both spellings of every site of the split-route story, some rounds of them."""


class Stage:
    """A running demo; a context manager, at whose end everything has ended."""

    def __init__(self, scene: Scene) -> None:
        """Start the sites of `scene`, and make the directory; `__enter__` does the rest."""
        self.scene = scene
        self.directory = Path(tempfile.mkdtemp(prefix="rsp-demo-"))
        self.world = WorldProcess(scene, self.directory)
        self.engine: subprocess.Popen[bytes] | None = None
        self.config = self.directory / "demo.lua"
        self.control = self.directory / "control.sock"
        self.proxy = ""
        """`host:port` where the engine listens."""
        self._downloads: list[int] = []
        """The sessions of the last slow downloads."""
        self._books: dict[int, FlowRow] = {}

    def __enter__(self) -> "Stage":
        """Start the engine, wait until it answers, and let the traffic begin.

        Raises:
            EngineFailed: with what the engine said.
        """
        try:
            few = FEW_BACKENDS if self.scene is Scene.SPLIT_ROUTE else None
            self.config.write_text(self._lua(few))
            where = ["--control", str(self.directory / "control.sock"), "--listen", "127.0.0.1:0"]
            words = [str(self.config), *where, "--state", "none"]
            self.engine, self.control = start_engine(words)
            self.proxy = self.ask("status", Status).listeners[0].address
            if few is not None:
                # The platform grows: the next reload brings all the others.
                self.config.write_text(self._lua())
            if self.scene is Scene.SLOW_WRITE:
                self.play_the_bug()
            engine = EngineIsHere(self.proxy, self.engine.pid)
            self.world.send_traffic(engine)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        self.close()

    def _lua(self, most: int | None = None) -> str:
        return lua_for(self.scene, self.world.sites.addresses, most)

    def ask(self, method: str, kind: type[T], /, **params: Any) -> T:
        """Give the engine one command and return its answer as a `kind`.

        Raises:
            Failure: the engine is not there, or refuses.
        """
        with Link(self.control) as link:
            return link.ask(method, kind, **params)

    def play_the_bug(self) -> None:
        """Let the engine lose what the proxy of 2013 lost, on the way to every client."""
        with Link(self.control) as link:
            link.ask("fault.add", FaultAdded, kind="lose_on_eagain")

    def mend(self) -> None:
        """Take that back."""
        with Link(self.control) as link:
            link.ask("fault.remove", FaultsRemoved, id="all")

    def cure(self) -> None:
        """Mend the wrong line of the split route's configuration; a reload puts it in force."""
        self.config.write_text(cured(self.config.read_text()))

    def evidence(self) -> Evidence:
        """Return what the stories look at; raises as `ask`."""
        with Link(self.control) as link:
            connections = link.ask("connections", Connections).connections
            if self.scene is Scene.SLOW_WRITE:
                self._read_books(link, connections)
            decisions = link.ask("decisions", Decisions, limit=DECISIONS_ASKED).decisions
            backends = link.ask("backends", Backends)
            return Evidence(
                connections,
                sum(len(pool.backends) for pool in backends.pools),
                tuple(self.world.outcomes),
                self.scene is Scene.SPLIT_ROUTE and is_mended(self.config),
                list(self._books.values()),
                link.ask("status", Status).faults,
                audit(decisions, backends).splits,
            )

    def _read_books(self, link: Link, connections: Sequence[ConnectionRow]) -> None:
        """Read the ledgers of the present slow download and of the last ones."""
        for row in connections:
            if row.request is not None and row.request.host == BOOK_HOST:
                self._downloads.append(row.id)
        self._downloads = list(dict.fromkeys(self._downloads))[-DOWNLOADS_KEPT:]
        self._books = {}
        for session in self._downloads:
            ledger = link.ask("connection", ConnectionDetail, id=session).ledger
            if ledger is not None:
                self._books[session] = ledger.response

    def close(self) -> None:
        """End the traffic first, so that the engine has nothing to drain; then all the rest."""
        self.world.end()
        if self.engine is not None:
            with EngineLife(self.engine.pid) as engine_life:
                engine_life.end()
            self.engine.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def is_mended(config: Path) -> bool:
    """Whether a configuration has lost its wrong line. An editor that is just writing it leaves it
    empty or away for a moment: the next look will tell."""
    try:
        source = config.read_text()
    except (OSError, UnicodeDecodeError):
        return False
    return bool(source) and line_of_the_bug(source) is None
