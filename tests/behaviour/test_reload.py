"""Reloads of the file, good and broken, while traffic flows; live edits are kept or dropped."""

import os
import signal
import socket

import pytest

from rsp.cli.failure import Failure
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine, StartTraffic
from tests.behaviour.ports import accepts
from tests.behaviour.running import Engine
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, request, response

BROKEN = "this is no Lua\n"


def write(proxy: Engine, text: str) -> str:
    """Replace the configuration file, and return its path."""
    path = proxy.directory / "config.lua"
    path.write_text(text)
    return str(path)


def test_reloads_good_and_broken_cost_no_request(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    sites = [backend() for _ in range(2)]
    route = 'function route(request) return "web", {{ reason = "version {}" }} end\n'
    proxy = engine(LISTEN + pool(*sites) + route.format(0))
    flowing = traffic(proxy)
    for number in range(1, 31):
        write(proxy, LISTEN + pool(*sites) + route.format(number))
        assert proxy.ask("reload")["generation"] == number + 1
        proxy.get()
        seen = proxy.ask("decisions", limit=1)["decisions"][0]
        assert (seen["reason"], seen["generation"]) == (f"version {number}", number + 1)
        write(proxy, BROKEN)
        assert proxy.run_ctl("reload").returncode == 1 if number % 10 == 0 else True
    flowing.let_pass()
    rows = proxy.ask("decisions")["decisions"]
    assert {(row["reason"], row["generation"]) for row in rows} <= {
        (f"version {number}", number + 1) for number in range(31)
    }


def test_a_broken_file_changes_nothing_and_is_named_with_its_line(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    flowing = traffic(proxy)
    broken = {
        "\n" + BROKEN: ":2: ",
        LISTEN: "there is no pool",
        LISTEN + pool(site, settings='balance = "fair",'): ':2: pool "web": balance "fair"',
        LISTEN + pool(site) + "while true do end\n": ":",
        LISTEN + pool(site) + 'error("as told")\n': ":7: as told",
    }
    for text, reason in broken.items():
        path = write(proxy, text)
        done = proxy.run_ctl("--json", "reload")
        assert (done.returncode, done.stdout) == (1, "")
        assert path in done.stderr
        assert reason in done.stderr
        assert "nothing was changed" in done.stderr
    status = proxy.ask("status")
    assert (status["generation"], status["config_changed"]) == (1, True)
    assert "the running configuration stays (generation 1)" in proxy.log
    flowing.let_pass()


def test_a_name_that_does_not_resolve_changes_nothing_and_is_named_with_its_line(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    path = write(proxy, LISTEN + pool("no.such.host.invalid:80"))
    done = proxy.run_ctl("reload")
    assert done.returncode == 1
    assert f"{path}:4: backend web/web1: the name no.such.host.invalid" in done.stderr
    assert "nothing was changed" in done.stderr
    assert "the running configuration stays (generation 1)" in proxy.log
    assert proxy.get().status == 200


def test_a_file_that_is_gone_changes_nothing(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    (proxy.directory / "config.lua").unlink()
    done = proxy.run_ctl("reload")
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    assert proxy.get().status == 200


def test_a_fifo_in_the_place_of_the_file_holds_nothing_up(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ask("backend.set", target="web/web1", weight=2)
    path = proxy.directory / "config.lua"
    path.unlink()
    os.mkfifo(path)
    refusal = f"Error parsing config file: cannot open {path}: it is no regular file"
    for words in ({}, {"preview": True}):
        with pytest.raises(Failure, match=refusal):
            proxy.ask("reload", **words)
    with pytest.raises(Failure, match="no regular file; nothing was written"):
        proxy.ask("write-back")
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.log.count(refusal) == 3)
    assert proxy.ask("backend.set", target="web/web1", weight=3)["generation"] == 3


def test_live_edits_survive_a_reload_unless_they_are_dropped(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = [backend() for _ in range(3)]
    proxy = engine(LISTEN + pool(*sites[:2]))
    proxy.ctl("backend", "set", "web/web1", "--state", "drain")
    proxy.ctl("backend", "add", "web", "extra", sites[2].address)
    write(proxy, LISTEN + pool(*sites[:2]) + "-- a remark\n")
    kept = proxy.ctl("reload")
    assert len(kept["kept_edits"]) == 2
    assert proxy.backend("web1")["state"] == "drain"
    assert proxy.backend("extra")["state"] == "ready"

    shown = proxy.ctl("reload", "--preview", "--drop-edits")
    assert len(shown["changed"]) > 0
    assert proxy.backend("web1")["state"] == "drain"

    dropped = proxy.ctl("reload", "--drop-edits")
    assert dropped["kept_edits"] == []
    assert any("dropped the live edit" in sentence for sentence in dropped["changed"])
    assert proxy.backend("web1")["state"] == "ready"
    assert [row["name"] for row in proxy.ask("backends")["pools"][0]["backends"]] == [
        "web1",
        "web2",
    ]


def test_an_edit_that_the_file_no_longer_allows_is_said_to_be_lost(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = [backend() for _ in range(2)]
    proxy = engine(LISTEN + pool(*sites))
    proxy.ctl("backend", "set", "web/web2", "--weight", "7")
    write(proxy, LISTEN + pool(sites[0]))
    said = proxy.ctl("reload")
    assert said["kept_edits"] == []
    assert any("web/web2" in sentence for sentence in said["changed"])


def test_sighup_reloads(engine: StartEngine, backend: OpenBackend) -> None:
    def shout(_: Message) -> bytes:
        return response("200 OK", b"new")

    proxy = engine(LISTEN + pool(backend()))
    write(proxy, LISTEN + pool(backend(answer=shout)))
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.ask("status")["generation"] == 2)
    assert proxy.get().body == b"new"
    path = write(proxy, BROKEN)
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_event(f"{path}:1: ")
    assert proxy.get().body == b"new"
    assert proxy.ask("status")["generation"] == 2


def test_a_session_ends_with_the_backend_that_it_began_with(
    engine: StartEngine, backend: OpenBackend
) -> None:
    old = backend()
    proxy = engine(LISTEN + pool(old))
    client = proxy.connect()
    client.send(request("PUT", body=b"x" * 10)[:-5])
    proxy.wait_for_state(client, "streaming")
    write(proxy, LISTEN + pool(backend(), name="other"))
    proxy.ctl("reload")
    client.send(b"x" * 5)
    assert client.read_response().status == 200
    assert old.requests[0].body == b"x" * 10
    wait_until(lambda: proxy.row_of(client) is None or proxy.row(client)["state"] == "idle")
    assert proxy.get().status == 200
    assert len(old.requests) == 1


def test_listeners_come_and_go_with_a_reload(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    client.get()
    second = 'listen { address = "127.0.0.2:0" }\n'
    write(proxy, LISTEN + second + pool(site))
    proxy.ctl("reload")
    listeners = [row["address"] for row in proxy.ask("status")["listeners"]]
    assert listeners[0] == f"127.0.0.1:{proxy.port}"
    host, _, port = listeners[1].rpartition(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(request())
        assert sock.recv(12) == b"HTTP/1.1 200"
    write(proxy, second + pool(site))
    proxy.ctl("reload")
    assert client.get().status == 200, "a session outlives its listener"
    assert not accepts(proxy.port)


def test_a_port_that_cannot_be_had_changes_nothing(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    write(proxy, LISTEN + f'listen {{ address = "{site.address}" }}\n' + pool(site, name="new"))
    done = proxy.run_ctl("reload")
    assert done.returncode == 1
    in_use = "the port is in use; choose another, or stop who has it"
    assert f"cannot listen on {site.address}: {in_use}" in done.stderr
    everywhere = f"0.0.0.0:{proxy.port}"
    write(proxy, LISTEN + f'listen {{ address = "{everywhere}" }}\n' + pool(site, name="new"))
    done = proxy.run_ctl("reload")
    ours = f"rsp itself has the port, for its listener 127.0.0.1:{proxy.port}; choose another port"
    assert f"cannot listen on {everywhere}: {ours}" in done.stderr
    assert [row["name"] for row in proxy.ask("backends")["pools"]] == ["web"]
    assert len(proxy.ask("status")["listeners"]) == 1
    assert proxy.get().status == 200


def test_new_limits_hold_for_new_sessions(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    asked = request(path="/" + "x" * 2000)
    assert proxy.connect().ask(asked).status == 200
    write(proxy, LISTEN + pool(site) + "limits { request_line_bytes = 1000 }\n")
    proxy.ctl("reload")
    assert proxy.connect().ask(asked).status == 414
