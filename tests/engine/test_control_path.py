"""Where the control socket may be: ours alone, and never over somebody else's."""

import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rsp.engine.control import ControlServer
from rsp.engine.control_path import (
    ControlPathRefused,
    control_directory,
    default_control_path,
    is_alive,
    running_engines,
)
from rsp.engine.lua_config import load_source
from rsp.engine.server import Engine
from rsp.engine.telemetry import Telemetry
from tests.engine.fakes import Here

CONFIG = b"""
listen { address = "127.0.0.1:0" }
pool("web", { backends = { { name = "a", address = "127.0.0.1:9001" } } })
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Yield a directory with a path short enough for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="rsp") as made:
        yield Path(made)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """Yield a started engine."""
    made = Engine(load_source(CONFIG, "rsp.lua"), Telemetry(), Here(), listen=None)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def runtime(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory that stands in for XDG_RUNTIME_DIR."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    return directory


def leave_a_dead_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


async def test_the_socket_is_ours_alone_whatever_the_umask(engine: Engine, directory: Path) -> None:
    old = os.umask(0)
    try:
        server = ControlServer(engine, directory / "s")
        await server.start()
        assert os.umask(0) == 0, "the umask of the process is as it was"
    finally:
        os.umask(old)
    assert (directory / "s").stat().st_mode & 0o777 == 0o600
    await server.stop()
    assert not (directory / "s").exists()


async def test_what_a_dead_engine_left_behind_is_replaced(engine: Engine, directory: Path) -> None:
    leave_a_dead_socket(directory / "s")
    server = ControlServer(engine, directory / "s")
    await server.start()
    assert is_alive(directory / "s")
    await server.stop()


async def test_another_engine_is_left_alone_and_named(engine: Engine, directory: Path) -> None:
    path = directory / "s"
    first = ControlServer(engine, path)
    await first.start()
    with pytest.raises(ControlPathRefused) as refused:
        await ControlServer(engine, path).start()
    assert str(refused.value) == (
        f"another engine answers at {path}; `rsp attach --control {path}` shows it"
    )
    assert is_alive(path)
    await first.stop()


async def test_an_engine_too_busy_to_answer_is_left_alone(engine: Engine, directory: Path) -> None:
    path = directory / "s"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(ControlPathRefused, match="another engine answers"):
            await ControlServer(engine, path).start()
        assert path.is_socket()


async def test_who_was_replaced_does_not_take_the_socket_of_its_successor_away(
    engine: Engine, directory: Path
) -> None:
    path = directory / "s"
    first, second = ControlServer(engine, path), ControlServer(engine, path)
    await first.start()
    path.rename(directory / "elsewhere")
    await second.start()
    await first.stop()
    assert is_alive(path)
    await second.stop()
    assert not path.exists()


async def test_a_file_that_is_no_socket_is_not_touched(engine: Engine, directory: Path) -> None:
    precious = directory / "rsp.lua"
    precious.write_text("listen {}")
    with pytest.raises(ControlPathRefused, match=str(precious)):
        await ControlServer(engine, precious).start()
    assert precious.read_text() == "listen {}"


@pytest.mark.parametrize("place", ["a directory", "missing/s", "rsp.lua/s"])
async def test_a_place_where_no_socket_can_be_is_refused(
    engine: Engine, directory: Path, place: str
) -> None:
    (directory / "a directory").mkdir()
    (directory / "rsp.lua").touch()
    with pytest.raises(ControlPathRefused, match="--control PATH"):
        await ControlServer(engine, directory / place).start()


async def test_a_path_that_is_too_long_says_how_long_it_may_be(engine: Engine) -> None:
    path = Path("/tmp") / ("x" * 120)
    with pytest.raises(ControlPathRefused, match="125 bytes long, and a socket's can have 107"):
        await ControlServer(engine, path).start()


# -- the default place


def test_the_default_place_is_named_after_the_port(runtime: Path) -> None:
    path = default_control_path(8080)
    assert path == runtime / "rsp" / "8080.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert default_control_path(8080) == path


def test_without_a_runtime_directory_it_is_in_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert control_directory() == Path(f"/tmp/rsp-{os.getuid()}")


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o710, 0o701])
def test_a_directory_that_others_can_enter_is_refused(runtime: Path, mode: int) -> None:
    (runtime / "rsp").mkdir()
    (runtime / "rsp").chmod(mode)
    with pytest.raises(ControlPathRefused, match="only you can use"):
        default_control_path(8080)


def test_a_link_that_somebody_put_there_is_refused(runtime: Path) -> None:
    (runtime / "elsewhere").mkdir(mode=0o700)
    (runtime / "rsp").symlink_to(runtime / "elsewhere")
    with pytest.raises(ControlPathRefused, match="only you can use"):
        default_control_path(8080)


@pytest.mark.capability("root: a directory is given away")
def test_a_foreign_directory_is_refused(runtime: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a directory away")
    (runtime / "rsp").mkdir(mode=0o700)
    os.chown(runtime / "rsp", 65534, 65534)
    with pytest.raises(ControlPathRefused, match="only you can use"):
        default_control_path(8080)


def test_a_file_where_the_directory_should_be_is_refused(runtime: Path) -> None:
    (runtime / "rsp").touch()
    with pytest.raises(ControlPathRefused, match="--control PATH"):
        default_control_path(8080)


async def test_the_engines_that_answer_are_found_and_the_dead_are_not(
    engine: Engine, runtime: Path
) -> None:
    assert running_engines() == []
    server = ControlServer(engine, default_control_path(8081))
    await server.start()
    leave_a_dead_socket(default_control_path(8080))
    default_control_path(8082).touch()
    assert running_engines() == [runtime / "rsp" / "8081.sock"]
    await server.stop()
    assert running_engines() == []
