"""Fixtures of the tests that meet the whole program: an engine, backends, a real nginx.

Every process and every socket that a test opens is closed when it ends, by its own id. A test that
only looks at what passes through takes `proxy` and `site`: one engine for its file, and a backend
that starts over for each test. A test that changes or counts anything starts an `engine`.
"""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.behaviour.running import Engine
from tests.behaviour.scripted import Answer, Backend, FullPort, Script, say_ok
from tests.behaviour.traffic import Traffic
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire


class StartEngine(Protocol):
    """Starts an engine with a configuration, or with a backend to send everything to."""

    def __call__(
        self,
        config: str = ...,
        *arguments: str,
        to: Backend | None = ...,
        fds: int | None = ...,
        hand_over: int | None = ...,
        announce: int | None = ...,
    ) -> Engine: ...


class OpenBackend(Protocol):
    """Opens a backend that runs a script, or that answers each request."""

    def __call__(
        self, script: Script | None = ..., *, answer: Answer = ..., host: str = ...
    ) -> Backend: ...


ConnectUnix = Callable[[Path], Wire]
StartTraffic = Callable[[Engine], Traffic]


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path of our own: that of a unix socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="rsp") as name:
        yield Path(name)


@pytest.fixture
def closing(directory: Path) -> Iterator[ExitStack]:
    """What is pushed here is undone at the end, the last one first; `directory` goes after it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def backend(closing: ExitStack) -> OpenBackend:
    """Opens scripted backends."""

    def open_one(
        script: Script | None = None, *, answer: Answer = say_ok, host: str = "127.0.0.1"
    ) -> Backend:
        opened = Backend(script, answer=answer, host=host)
        closing.callback(opened.close)
        return opened

    return open_one


@pytest.fixture
def open_full_port(closing: ExitStack) -> Callable[[], FullPort]:
    """Opens ports that let a connect hang."""

    def open_one() -> FullPort:
        port = FullPort()
        closing.callback(port.close)
        return port

    return open_one


@pytest.fixture
def full_port(open_full_port: Callable[[], FullPort]) -> FullPort:
    """A port that lets a connect hang."""
    return open_full_port()


@pytest.fixture
def engine(closing: ExitStack, directory: Path) -> StartEngine:
    """Starts engines."""
    number = iter(range(100))

    def start(
        config: str = "",
        *arguments: str,
        to: Backend | None = None,
        fds: int | None = None,
        hand_over: int | None = None,
        announce: int | None = None,
    ) -> Engine:
        own = directory / str(next(number))
        own.mkdir()
        if to is not None:
            words = ["--to", to.url, "--listen", "127.0.0.1:0", *arguments]
        else:
            (own / "config.lua").write_text(config)
            words = [str(own / "config.lua"), *arguments]
        started = Engine(own, *words, fds=fds, hand_over=hand_over, announce=announce)
        closing.callback(started.close)
        return started

    return start


@pytest.fixture
def connect_unix(closing: ExitStack) -> ConnectUnix:
    """Connects to unix sockets."""

    def connect_one(path: Path) -> Wire:
        sock = closing.enter_context(socket.socket(socket.AF_UNIX))
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        return Wire(sock)

    return connect_one


@pytest.fixture
def traffic(closing: ExitStack) -> StartTraffic:
    """Starts clients that ask without a pause; at the end none of their requests has failed."""

    def start(engine: Engine) -> Traffic:
        flowing = Traffic(engine.port)
        closing.callback(flowing.stop)
        return flowing

    return start


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Backend]]:
    """One engine with one backend for a file.

    A file that has a function `shared_config` says by it what the configuration is; otherwise
    everything goes to the backend, as `--to` has it.
    """
    with tempfile.TemporaryDirectory(prefix="rsp") as name, ExitStack() as stack:
        site = Backend()
        stack.callback(site.close)
        words = ["--to", site.url, "--listen", "127.0.0.1:0"]
        make = getattr(request.module, "shared_config", None)
        if make is not None:
            words = [str(Path(name) / "config.lua")]
            Path(words[0]).write_text(make(site))
        engine = Engine(Path(name), *words)
        stack.callback(engine.close)
        yield engine, site


@pytest.fixture
def site(shared: tuple[Engine, Backend]) -> Iterator[Backend]:
    """The backend of the shared engine: its ordinary script, no connection, nothing on record."""
    engine, site = shared
    yield site
    engine.hang_up()
    if engine.ask("status")["faults"]:
        engine.ask("fault.remove", id="all")
    wait_until(lambda: _is_let_go(engine, site))
    site.start_over()


def _is_let_go(engine: Engine, site: Backend) -> bool:
    """Hang up on the backend's side, and tell whether the engine has nothing left to do."""
    site.hang_up()
    rows = engine.ask("backends")["pools"][0]["backends"]
    is_in_use = any(row["sessions"] or row["idle_connections"] for row in rows)
    return not is_in_use and not engine.ask("status")["sessions"]


@pytest.fixture
def proxy(shared: tuple[Engine, Backend], site: Backend) -> Engine:
    """The shared engine."""
    return shared[0]
