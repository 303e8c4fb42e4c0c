"""What an engine may do less than who started it: no root after the ports are open, no core."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsp.cli.failure import Failure
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.waiting import wait_until

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


def free_low_port() -> int:
    """Return a port below 1024 that nobody listens on."""
    for port in range(1023, 600, -1):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every low port is taken")


@pytest.fixture
def site_address(backend: OpenBackend) -> str:
    return backend().address


@pytest.fixture
def own(directory: Path) -> Path:
    """A directory of the user that the engine becomes."""
    directory.chmod(0o711)
    made = directory / "own"
    made.mkdir()
    os.chown(made, NOBODY, NOBODY)
    return made


@pytest.fixture
def dropped(own: Path, site_address: str) -> Iterator[Engine]:
    config = own / "config.lua"
    config.write_text(LISTEN + pool(site_address))
    listen = f"127.0.0.1:{free_low_port()}"
    started = Engine(own, str(config), "--listen", listen, "--user", f"{NOBODY}:{NOBODY}")
    yield started
    started.close()


@pytest.mark.capability("root: listens below 1024 and becomes nobody")
@AS_ROOT
def test_a_low_port_is_served_without_the_rights_of_root(dropped: Engine) -> None:
    assert dropped.port < 1024
    assert dropped.get().status == 200
    status = dropped.proc_status()
    assert status["Uid"].split() == status["Gid"].split() == [str(NOBODY)] * 4
    assert status["Groups"] == str(NOBODY)
    for kind in ("CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind], 16) == 0
    for thread in Path(f"/proc/{dropped.pid}/task").iterdir():
        assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}" in (thread / "status").read_text()


@pytest.mark.capability("root: listens below 1024 and becomes nobody")
@AS_ROOT
def test_its_control_socket_is_its_own_and_root_may_use_it(dropped: Engine) -> None:
    found = dropped.control.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (NOBODY, 0o600)
    status = dropped.ctl("status")
    assert status["fds"] > 5
    assert status["memory_bytes"] > 0
    config = Path(status["config"])
    config.write_text(config.read_text().replace("web1", "shop1"))
    assert dropped.ctl("reload")["changed"]
    assert dropped.get().status == 200
    config.chmod(0o600)
    refused = dropped.run_ctl("reload")
    assert (refused.returncode, "Permission denied" in refused.stderr) == (1, True)
    assert dropped.get().status == 200


@pytest.mark.capability("root: becomes nobody")
@AS_ROOT
def test_what_it_cannot_use_as_that_user_is_said(directory: Path, site_address: str) -> None:
    words = ["serve", "--to", f"http://{site_address}", "--listen", "127.0.0.1:0"]
    done = run_rsp(*words, "--user", str(NOBODY), "--control", str(directory / "c.sock"))
    assert done.returncode == 1
    assert f"cannot make the control socket {directory}/c.sock: Permission denied" in done.stderr
    assert "--control PATH" in done.stderr


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("no-such-user", 'there is no user "no-such-user"'),
        (f"{NOBODY}:no-such-group", 'there is no group "no-such-group"'),
        ("99999999999999999999", "there is no user"),
        pytest.param("9" * 5_000, "there is no user", id="digits"),
        pytest.param(f"{NOBODY}:{'9' * 5_000}", "there is no group", id="digits of a group"),
        ("root", "that is root itself"),
        ("0", "that is root itself"),
        ("", 'there is no user ""'),
    ],
)
def test_a_user_that_cannot_be_is_refused_before_anything_is_opened(user: str, words: str) -> None:
    done = run_rsp("serve", "--to", "http://127.0.0.1:1", "--user", user)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


@pytest.mark.capability("root: starts as an ordinary user")
@AS_ROOT
def test_who_is_not_root_cannot_become_anybody(tmp_path: Path) -> None:
    script = (
        "import os; from rsp.engine.privileges import become, find_account, UserRefused\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"become(find_account('{NOBODY}'))\n"
        "try: become(find_account('1'))\n"
        "except UserRefused as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "may not become uid 1" in done.stdout, done.stderr
    assert "start it as root" in done.stdout


def test_an_engine_leaves_no_core(directory: Path, site_address: str) -> None:
    engine = Engine(directory, "--to", f"http://{site_address}", "--listen", "127.0.0.1:0")
    try:
        limits = Path(f"/proc/{engine.pid}/limits").read_text().splitlines()
        core = next(line for line in limits if line.startswith("Max core file size"))
        assert core.split()[-3:-1] == ["0", "0"]
    finally:
        engine.close()


@pytest.mark.capability("root: mounts a file system of 1 MiB")
@AS_ROOT
def test_a_full_disk_costs_lines_of_the_log_and_no_traffic(
    directory: Path, site_address: str
) -> None:
    disk = directory / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        words = ["--to", f"http://{site_address}", "--listen", "127.0.0.1:0"]
        engine = Engine(directory, *words, "--log-beside-control", runtime=disk)
        try:
            log = engine.control.with_suffix(".log")
            fill(disk)
            before = log.stat().st_size
            for _ in range(100):
                assert engine.get().status == 200
            # What was left of the last page may still be used.
            assert log.stat().st_size < before + 4096
            (disk / "ballast").unlink()
            assert engine.get().status == 200
            wait_until(lambda: log.stat().st_size > before + 100)
        finally:
            engine.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Write until the disk is full."""
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        # A write that takes less than it was given has met the end.
        while ballast.write(b"x" * 4096) == 4096 and os.statvfs(disk).f_bavail:
            pass


@pytest.mark.capability("root: listens below 1024 and becomes nobody")
@AS_ROOT
def test_a_file_that_it_may_not_write_is_named_and_left_alone(dropped: Engine) -> None:
    file = dropped.directory / "config.lua"
    old = file.read_text()
    dropped.ask("backend.set", target="web/web1", weight=3)
    with pytest.raises(Failure, match=rf"uid {NOBODY}\) may not write to {file.resolve()}"):
        dropped.ask("write-back")
    assert file.read_text() == old
