"""The world as a process: it opens its sites, and ends when its life pipe does."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rsp.demo.engine_life import EngineLife
from rsp.demo.scenes import SETTINGS, Scene
from rsp.demo.world_process import WorldProcess


@pytest.mark.parametrize("scene", list(Scene))
def test_the_world_opens_the_sites_of_its_scene_and_ends_with_its_pipe(
    scene: Scene, tmp_path: Path
) -> None:
    """Its directory goes with it, also before there is an engine."""
    directory = tmp_path / "demo"
    directory.mkdir()
    world = WorldProcess(scene, directory)
    try:
        assert set(world.sites.addresses) == set(SETTINGS[scene].site_names)
        for address in world.sites.addresses.values():
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=30).close()
    finally:
        world.end()
    assert world.process.returncode == 0
    assert not directory.exists()


KILLED_PARENT = """
import os, signal, subprocess, sys
from pathlib import Path
from rsp.demo.reports import EngineIsHere
from rsp.demo.scenes import Scene
from rsp.demo.world_process import WorldProcess
world = WorldProcess(Scene.PLAIN, Path(sys.argv[2]))
engine = subprocess.Popen(["sleep", "600"], start_new_session=True)
world.send_traffic(EngineIsHere(sys.argv[1], engine.pid))
print(world.process.pid, engine.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_world_engine_and_directory_go_when_the_demo_is_killed(
    tmp_path: "os.PathLike[str]",
) -> None:
    directory = os.path.join(tmp_path, "demo")
    os.mkdir(directory)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"127.0.0.1:{nobody.getsockname()[1]}"
    command = [sys.executable, "-c", KILLED_PARENT, proxy, directory]
    # The world inherits this pipe, so that reading to its end waits for the world too.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        said, complained = parent.communicate(timeout=60)
    assert parent.returncode == -signal.SIGKILL, complained
    for pid in said.split():
        assert _has_ended(int(pid))
    assert not os.path.exists(directory)


def _has_ended(pid: int) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        readable, _, _ = select.select([pidfd], [], [], 30)
        return bool(readable)
    finally:
        os.close(pidfd)


def test_an_engine_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rsp.demo.engine_life.ENGINE_STOP_S", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); signal.pause()"
    command = [sys.executable, "-uc", deaf]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        with EngineLife(engine.pid) as engine_life:
            engine_life.end()
    assert engine.returncode == -signal.SIGKILL
