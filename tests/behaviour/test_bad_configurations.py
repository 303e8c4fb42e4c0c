"""What cannot be started is said in one sentence: the thing, its place, and what to do."""

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import RSP, Engine, run_rsp
from tests.behaviour.waiting import wait_until


def refused(tmp_path: Path, text: str, *arguments: str) -> str:
    """Return what `rsp serve` says about a configuration that it does not take."""
    config = tmp_path / "config.lua"
    config.write_text(text)
    done = run_rsp("serve", str(config), *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


REFUSED = {
    "unknown option of listen": (
        'listen { adress = "127.0.0.1:0" }\n' + pool("127.0.0.1:1"),
        ':1: listen has no "adress"; did you mean "address"?',
    ),
    "unknown option of a backend": (
        LISTEN + pool("127.0.0.1:1", each=", wieght = 3"),
        'has no "wieght"; did you mean "weight"?',
    ),
    "unknown limit": (
        LISTEN + pool("127.0.0.1:1") + "limits { high_water = 1 }\n",
        ":7: limits has no high_water; did you mean",
    ),
    "a limit that the kernel does not take": (
        LISTEN + pool("127.0.0.1:1") + "limits { notsent_lowat_bytes = 2^31 }\n",
        ":7: limits: notsent_lowat_bytes is 2,147,483,648; it must be from 1 to 2,147,483,647",
    ),
    "seconds beyond all reason": (
        LISTEN + pool("127.0.0.1:1", settings="slow_start = 1e308,"),
        "slow_start is 1e+308; it must be 1,099,511,627,776 s or less",
    ),
    "unknown policy": (
        LISTEN + pool("127.0.0.1:1", settings='balance = "random",'),
        'balance "random" is not there; did you mean "random_two"?',
    ),
    "no listener": (pool("127.0.0.1:1"), "there is no listener, so nobody could connect"),
    "no pool": (LISTEN, "there is no pool, so a request could go nowhere"),
    "two pools of one name": (
        LISTEN + pool("127.0.0.1:1") + pool("127.0.0.1:2"),
        ':7: pool "web" is there twice',
    ),
    "pool of a listener": (
        'listen { address = "127.0.0.1:0", pool = "wbe" }\n' + pool("127.0.0.1:1"),
        ':1: listen 127.0.0.1:0: pool "wbe" is not there; did you mean "web"?',
    ),
    "no port": (LISTEN + pool("127.0.0.1"), ":2: "),
    "a name that does not resolve": (
        LISTEN + pool("127.0.0.1:1", "no.such.host.invalid:80"),
        ":5: backend web/web2: the name no.such.host.invalid of no.such.host.invalid:80 "
        "does not resolve",
    ),
    "an endless loop": ("while true do end\n", "config.lua:1: ran "),
    "a forbidden function": ('os.execute("true")\n', "config.lua:1:"),
    "both forms": ('listenPort = "1"\n' + LISTEN + pool("127.0.0.1:1"), ":1: listenPort is set"),
    "bytecode": ("\x1bLJ\x02", "config.lua"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_a_configuration_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, text: str, words: str
) -> None:
    said = refused(tmp_path, text)
    assert str(tmp_path / "config.lua") in said
    assert words in said


@pytest.mark.capability("an ordinary user")
@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.lua"
    config.write_text(LISTEN)
    config.chmod(0)
    done = run_rsp("serve", str(config))
    assert done.returncode == 1
    assert f"cannot open {config}: Permission denied" in done.stderr


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    done = run_rsp("serve", str(tmp_path))
    assert done.returncode == 1
    assert f"cannot open {tmp_path}: Is a directory" in done.stderr


def test_a_fifo_is_read_while_it_has_a_writer_and_is_not_waited_for(tmp_path: Path) -> None:
    config = tmp_path / "config.lua"
    os.mkfifo(config)
    assert "listenPort must be a string" in run_rsp("serve", str(config)).stderr
    with open(os.open(config, os.O_RDWR), "wb", buffering=0) as writer:
        writer.write(b"this is no Lua\n")
        checking = subprocess.Popen([*RSP, "check", str(config)], stderr=subprocess.PIPE)
        wait_until(lambda: config_is_read(checking.pid, config))
    _, said = checking.communicate(timeout=60)
    assert f"{config}:1: ".encode() in said


def config_is_read(pid: int, config: Path) -> bool:
    """Tell whether the process `pid` has `config` open."""
    return any(os.path.realpath(fd) == str(config) for fd in Path(f"/proc/{pid}/fd").iterdir())


def test_a_port_in_use_is_said_and_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        text = f'listen {{ address = "{address}" }}\n' + pool("127.0.0.1:1")
        said = refused(tmp_path, text)
        assert f"cannot listen on {address}: the port is in use" in said
        assert "--listen" in said
        said = refused(tmp_path, LISTEN + pool("127.0.0.1:1"), "--listen", address)
        assert f"cannot listen on {address}: the port is in use" in said


def test_an_address_that_is_not_ours_is_said(tmp_path: Path) -> None:
    said = refused(tmp_path, 'listen { address = "192.0.2.1:8080" }\n' + pool("127.0.0.1:1"))
    assert "cannot listen on 192.0.2.1:8080: this machine has no such address" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a configuration file or --to URL"),
        (["--to", "http://a:1", "config.lua"], "give a configuration file or --to URL"),
        (["--no-such-option", "config.lua"], "--no-such-option"),
        (["--to", "http://127.0.0.1:1", "--listen", "nowhere"], "--listen"),
        (["--to", "http://127.0.0.1:1", "--listen", "8080"], "the host is missing; write 127"),
        (["--to", "http://127.0.0.1:1", "--log-format", "xml"], "--log-format"),
    ],
)
def test_wrong_usage_is_status_2(words: list[str], said: str) -> None:
    done = run_rsp("serve", *words)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1:1", 'mode = "tcp"'),
        ("ftp://127.0.0.1:1", "http://HOST:PORT"),
        ("http://no.such.host.invalid:1", "does not resolve"),
        ("", "it names no host; write http://HOST:PORT"),
        ("http://", "it names no host; write http://HOST:PORT"),
        ("http://::1:8001", "write an IPv6 address in brackets"),
    ],
)
def test_a_url_that_cannot_be_a_backend_is_refused(url: str, said: str) -> None:
    done = run_rsp("serve", "--listen", "127.0.0.1:0", "--to", url)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_control_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    words = ["serve", "--to", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--control"]
    long = run_rsp(*words, str(tmp_path / ("x" * 120)))
    assert long.returncode == 1
    assert "bytes long" in long.stderr
    missing = run_rsp(*words, str(tmp_path / "no" / "dir" / "s"))
    assert missing.returncode == 1
    assert "--control PATH" in missing.stderr


@pytest.mark.parametrize(
    "words",
    [
        "ctl backend set web/web1 --weight 4 --confirm nan",
        "ctl break add anything --for inf",
        "ctl fault add latency --toxicity nan",
        "ctl stop --drain nan",
        "demo --seconds inf",
    ],
)
def test_a_number_that_is_none_is_wrong_usage(words: str) -> None:
    done = run_rsp(*words.split())
    assert done.returncode == 2
    assert f"Invalid value for '{words.split()[-2]}'" in done.stderr


@pytest.mark.parametrize("url", ["http://ann:secret@127.0.0.1:80", "ann:secret@127.0.0.1:80"])
def test_whoever_is_named_in_a_url_is_said_to_be_too_much(url: str) -> None:
    done = run_rsp("serve", "--listen", "127.0.0.1:0", "--to", url)
    assert "it takes a host and a port and nothing more" in done.stderr
    assert "secret" not in done.stderr


def test_a_start_that_fails_leaves_nothing_behind(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the control socket was opened."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ["--to", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--state", "none"]
        done = subprocess.run(
            [*RSP, "serve", *words, "--toxiproxy-api", address],
            stderr=subprocess.PIPE, timeout=60, check=False, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"cannot listen on {address}: the port is in use" in done.stderr
    assert "choose another with --toxiproxy-api" in done.stderr
    assert list((directory / "rsp").glob("*.sock")) == []


def test_what_cannot_be_written_is_no_finding(tmp_path: Path) -> None:
    path = tmp_path / "site.lua"
    path.write_text(LISTEN + pool("127.0.0.1:1"))
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*RSP, "check", str(path)], stdout=full, stderr=subprocess.PIPE, timeout=60,
            check=False, text=True,
        )  # fmt: skip
    assert done.returncode == 74
    assert done.stderr == "cannot write the output: no space is left on its device\n"
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as left:
        done = subprocess.run(
            [*RSP, "check", str(path)], stdout=left, stderr=subprocess.PIPE, timeout=60,
            check=False, text=True,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (74, "")


def test_a_state_file_without_a_name_is_wrong_usage() -> None:
    done = run_rsp("serve", "--to", "http://127.0.0.1:1", "--state", "")
    assert done.returncode == 2
    assert "--state: name a file, or none" in done.stderr


def test_a_file_that_is_no_utf_8_is_traced_and_previewed(tmp_path: Path) -> None:
    path = tmp_path / "site.lua"
    text = LISTEN + pool("127.0.0.1:1") + 'function route(r) return "web" end\n'
    path.write_bytes(b"-- caf\xe9\n" + text.encode())
    with closing(Engine(tmp_path, str(path))) as proxy:
        explained = proxy.ctl("explain", "GET", "http://a.test/")
        assert (explained["backend"], len(explained["trace"])) == ("web1", 1)
        path.write_bytes(path.read_bytes() + b"-- \xff\n")
        assert proxy.ctl("reload", "--preview")["generation"] == 1


def test_a_file_that_is_gone_is_not_what_runs(tmp_path: Path) -> None:
    path = tmp_path / "site.lua"
    path.write_text(LISTEN + pool("127.0.0.1:1"))
    with closing(Engine(tmp_path, str(path))) as proxy:
        assert proxy.ask("status")["config_changed"] is False
        path.unlink()
        assert proxy.ask("status")["config_changed"] is True
        said = proxy.ask("config")
        assert said["error"] == f"cannot open {path}: No such file or directory"


def test_explain_asks_where_http_is_spoken(tmp_path: Path) -> None:
    path = tmp_path / "site.lua"
    path.write_text(
        'listen { address = "127.0.0.1:0", mode = "tcp", pool = "raw" }\n' + LISTEN
        + pool("127.0.0.1:1", name="raw") + pool("127.0.0.1:2", name="shop")
        + 'function route(r) return "shop" end\n'
    )  # fmt: skip
    with closing(Engine(tmp_path, str(path))) as proxy:
        assert proxy.ctl("explain", "GET", "http://a.test/")["pool"] == "shop"
        for words in (["ctl", "--control", str(proxy.control), "explain"], ["explain", str(path)]):
            done = run_rsp(*words, "GET", "http://a.test/a b")
            assert done.returncode != 0
            assert "has a blank or a control character in it" in done.stderr
