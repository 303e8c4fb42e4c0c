"""How an engine ends: gently first, at once when it is told again."""

import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import accepts, free_port
from tests.behaviour.running import Engine
from tests.behaviour.scripted import hold
from tests.behaviour.test_reload import write
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, head, numbered, request

UPGRADE = ["Connection: Upgrade", "Upgrade: websocket"]


def tunnel(wire: Wire) -> None:
    """Agree to an upgrade, and say the first five bytes back."""
    wire.read_head()
    wire.send(head("HTTP/1.1 101 Switching Protocols", *UPGRADE))
    wire.send(wire.read(5))
    wire.read_to_end()


def say_nothing(wire: Wire) -> None:
    """Read, and never answer."""
    wire.read_to_end()


def is_refused(proxy: Engine) -> bool:
    return not accepts(proxy.port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_present_exchanges_end(
    engine: StartEngine, backend: OpenBackend, number: signal.Signals
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(to=site)
    idle, silent = proxy.connect(), proxy.connect()
    site.script = site.serve
    idle.get()
    site.script = hold(release)
    busy = [proxy.connect() for _ in range(20)]
    for client in busy:
        client.send(request("POST", body=b"x"))
    site.wait_for_requests(21)
    proxy.signal(number)
    wait_until(lambda: is_refused(proxy))
    assert idle.read_to_end() == b""
    assert silent.read_to_end() == b""
    idle.close()
    silent.close()
    assert proxy.ask("status")["draining"]
    release.set()
    for client in busy:
        answer = client.read_response()
        assert (answer.body, answer.get("Connection")) == (b"held", "close")
        client.close()
    assert proxy.wait_for_end() == 0
    assert "Stopping: " in proxy.log
    assert "Stopped." in proxy.log
    assert not proxy.control.exists()


def test_a_large_download_is_finished_first(engine: StartEngine, backend: OpenBackend) -> None:
    content = numbered(5_000_000)

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {len(content)}"), content)

    proxy = engine(to=backend(script))
    client = proxy.connect(receive_bytes=8192)
    client.send(request())
    client.read_head()
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: is_refused(proxy))
    assert client.read(len(content)) == content
    client.close()
    assert proxy.wait_for_end() == 0


def test_the_second_signal_ends_it_at_once(engine: StartEngine, backend: OpenBackend) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(to=site)
    client = proxy.connect()
    client.send(request())
    site.wait_for_requests(1)
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: is_refused(proxy))
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_for_end() == 0
    assert client.is_reset(), "an answer that was cut off must not look like an end"
    assert "1 session cut off" in proxy.log
    release.set()


def test_stop_with_drain_waits_so_long_and_no_longer(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(to=site)
    client = proxy.connect()
    client.send(request())
    site.wait_for_requests(1)
    assert proxy.ctl("stop", "--drain", "0.3") == {"done": "stopping"}
    assert proxy.wait_for_end() == 0
    assert client.is_reset()
    assert "0.3 s to end" in proxy.log
    release.set()


def test_the_limit_of_the_file_says_how_long_sessions_may_take(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site) + "limits { drain_s = 0.3 }\n")
    client = proxy.connect()
    client.send(request())
    site.wait_for_requests(1)
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_for_end() == 0
    assert client.is_reset()
    release.set()


def test_an_engine_with_nothing_to_do_ends_at_once(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(to=backend())
    proxy.get()
    proxy.ctl("stop")
    assert proxy.wait_for_end() == 0
    assert proxy.run_ctl("status").returncode == 3


def test_tunnels_may_take_as_long_as_exchanges_and_are_cut_then(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(tunnel)) + "limits { drain_s = 2 }\n")
    client = proxy.connect()
    assert client.ask(request("GET", "/", *UPGRADE)).status == 101
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: is_refused(proxy))
    client.send(b"still")
    assert client.read(5) == b"still"
    assert client.is_reset()
    assert proxy.wait_for_end() == 0


def test_an_idle_engine_that_is_told_twice_ends_well(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    for _ in range(5):
        proxy = engine(to=site)
        proxy.signal(signal.SIGTERM)
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_for_end() == 0


def test_two_hundred_in_flight_and_tunnels_end_or_are_named(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site) + "limits { drain_s = 4 }\n")
    asking = [proxy.connect() for _ in range(200)]
    for number, client in enumerate(asking):
        client.send(request(path=f"/asked/{number}"))
    site.wait_for_requests(200)
    site.script = tunnel
    tunnels = [proxy.connect() for _ in range(20)]
    for client in tunnels:
        assert client.ask(request("GET", "/", *UPGRADE)).status == 101
    site.script = say_nothing
    late = proxy.connect()
    late.send(request(path="/never"))
    site.wait_for_connections(221)
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: is_refused(proxy))
    release.set()
    for client in asking:
        assert client.read_response().body == b"held"
        assert client.read_to_end() == b""
        client.close()
    for client in tunnels[:10]:
        client.send(b"still")
        assert client.read(5) == b"still"
        client.close()
    assert all(client.is_reset() for client in (*tunnels[10:], late))
    assert proxy.wait_for_end() == 0
    site.hang_up()
    named = [line for line in proxy.log.splitlines() if " cut off while " in line]
    assert len(named) == 11
    assert "11 sessions cut off." in proxy.log
    assert f"cut off while streaming: client 127.0.0.1:{late.port}, GET /never" in proxy.log
    for client in tunnels[10:]:
        assert f"tunnel: client 127.0.0.1:{client.port}, GET /, backend {site.address}" in proxy.log


def test_nothing_is_changed_any_more(
    engine: StartEngine, backend: OpenBackend, closing: ExitStack
) -> None:
    release = threading.Event()
    closing.callback(release.set)
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    client.send(request())
    site.wait_for_requests(1)
    proxy.signal(signal.SIGTERM)
    proxy.wait_for_event("Stopping: ")
    port = free_port()
    write(proxy, LISTEN + f'listen {{ address = "127.0.0.1:{port}" }}\n' + pool(site))
    for words in (["reload"], ["backend", "set", "web/web1", "--weight", "2"], ["undo"]):
        assert "the engine is stopping" in proxy.run_ctl(*words).stderr
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_event("the engine is stopping: nothing is changed any more; the running")
    assert not accepts(port)
    release.set()
    assert client.read_response().status == 200
    client.close()
    assert proxy.wait_for_end() == 0


SLOW_NAMES = """
import asyncio, pathlib, sys
from rsp.cli import main
from rsp.engine import resolver
quickly, slow = resolver.resolve, pathlib.Path(sys.argv[1])
async def resolve(address):
    if slow.exists():
        slow.with_suffix(".asked").touch()
        await asyncio.sleep(600)
    return await quickly(address)
resolver.resolve = resolve
sys.argv[:] = ["rsp", *sys.argv[5:]]
main()
"""
"""Runs the engine with a resolver that takes its time as soon as a file is there."""


def test_a_reload_that_waits_for_a_name_is_not_waited_for(
    backend: OpenBackend, directory: Path, closing: ExitStack
) -> None:
    config, slow = directory / "config.lua", directory / "slow"
    config.write_text(LISTEN + pool(backend()))
    before = (sys.executable, "-c", SLOW_NAMES, str(slow))
    proxy = Engine(directory, str(config), before=before)
    closing.callback(proxy.kill)
    slow.touch()
    proxy.signal(signal.SIGHUP)
    wait_until(slow.with_suffix(".asked").exists)
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_for_end() == 0


def test_an_engine_whose_stderr_is_closed_runs_and_ends_as_all_others(
    backend: OpenBackend, directory: Path, closing: ExitStack
) -> None:
    before = ("sh", "-c", 'exec "$@" 2>&-', "sh")
    proxy = Engine(directory, "--to", backend().url, "--listen", "127.0.0.1:0", before=before)
    closing.callback(proxy.kill)
    assert proxy.get().body == b"hello"
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_for_end() == 0
