"""Backends added, changed, drained and removed while traffic flows: nobody notices."""

import re
import threading

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine, StartTraffic
from tests.behaviour.ports import unused_address
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import request


def test_every_kind_of_edit_costs_no_request(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    first, second, third = (backend() for _ in range(3))
    proxy = engine(LISTEN + pool(first, second))
    flowing = traffic(proxy)
    flowing.let_pass()

    added = proxy.ctl("backend", "add", "web", "web3", third.address, "--weight", "2")
    assert added["generation"] == 2
    assert "web/web3" in added["changed"][0]
    flowing.let_pass()
    assert third.requests

    proxy.ctl("backend", "set", "web/web1", "--state", "drain")
    wait_until(lambda: proxy.backend("web1")["sessions"] == 0)
    total = proxy.backend("web1")["total"]
    flowing.let_pass()
    assert proxy.backend("web1")["total"] == total, "a draining backend got something new"

    proxy.ctl("backend", "set", "web/web2", "--weight", "5", "--max-connections", "100")
    flowing.let_pass()
    proxy.ctl("backend", "remove", "web/web3")
    asked = proxy.ask("decisions")["next_since"]
    flowing.let_pass()
    rows = proxy.ask("decisions", since=asked)["decisions"]
    assert {row["backend"] for row in rows} == {"web2"}

    proxy.ctl("undo")
    assert proxy.backend("web3")["weight"] == 2
    proxy.ctl("undo")
    proxy.ctl("undo")
    assert proxy.backend("web1")["state"] == "ready"
    flowing.let_pass()
    assert proxy.backend("web1")["total"] > total
    proxy.ctl("redo")
    assert proxy.backend("web1")["state"] == "drain"
    assert proxy.ask("status")["generation"] == 9


def test_an_edit_is_in_force_when_ctl_returns(engine: StartEngine, backend: OpenBackend) -> None:
    sites = [backend() for _ in range(2)]
    proxy = engine(LISTEN + pool(*sites))
    client = proxy.connect()
    for out, left in ((1, 2), (2, 1)):
        proxy.ctl("backend", "set", f"web/web{out}", "--state", "maint")
        client.get()
        assert proxy.ask("decisions", limit=1)["decisions"][0]["backend"] == f"web{left}"
        proxy.ctl("backend", "set", f"web/web{out}", "--state", "ready")


def test_a_stale_generation_is_refused_and_says_who_changed_what(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ask("backend.set", target="web/web1", weight=4, who="night shift")
    words = ["backend", "set", "web/web1", "--weight", "9", "--if-generation", "1"]
    done = proxy.run_ctl("--json", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the generation is 2, not 1" in done.stderr
    assert re.search(r"weight.*by night shift \(uid \d+, pid \d+\)", done.stderr)
    assert proxy.backend("web1")["weight"] == 4
    words[-1] = "2"
    assert proxy.ctl(*words)["generation"] == 3


def test_a_preview_changes_nothing(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    shown = proxy.ctl("backend", "add", "web", "web2", "127.0.0.1:1", "--preview")
    assert "web/web2" in shown["changed"][0]
    assert shown["generation"] == 1
    assert len(proxy.ask("backends")["pools"][0]["backends"]) == 1


def test_edits_that_cannot_be_are_refused_with_a_reason(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    refusals = {
        ("backend", "add", "web", "web1", "127.0.0.1:1"): "web/web1",
        ("backend", "add", "nowhere", "x", "127.0.0.1:1"): "nowhere",
        ("backend", "add", "web", "web2", "127.0.0.1"): "port",
        ("backend", "add", "web", "web2", "127.0.0.1:1", "--weight", "1000"): "256",
        ("backend", "add", "web", "web2", "no.such.host.invalid:80"): "does not resolve",
        ("backend", "set", "web/web9", "--weight", "1"): "web1",
        ("backend", "remove", "web/web9"): "web1",
        ("undo",): "undo",
        ("redo",): "redo",
    }
    for words, reason in refusals.items():
        done = proxy.run_ctl(*words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert reason in done.stderr
    assert proxy.ask("status")["generation"] == 1


def test_removing_when_idle_waits_for_the_last_exchange(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site, backend(), settings='balance = "first",'))
    client = proxy.connect()
    client.send(request())
    site.wait_for_requests(1)
    said = proxy.ctl("backend", "remove", "web/web1", "--when-idle")
    assert "when it is idle" in said["changed"][0]
    assert proxy.backend("web1")["state"] == "drain"
    release.set()
    assert client.read_response().body == b"held"
    wait_until(lambda: len(proxy.ask("backends")["pools"][0]["backends"]) == 1)


def test_a_removed_backend_finishes_what_it_has(engine: StartEngine, backend: OpenBackend) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    client.send(request())
    site.wait_for_requests(1)
    proxy.ctl("backend", "remove", "web/web1")
    answer = proxy.get()
    assert answer.status == 503
    assert b"pool web has no backend" in answer.body
    release.set()
    assert client.read_response().body == b"held"


def test_a_removed_backend_takes_no_place_at_the_next_one_of_its_name(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    first, second = backend(hold(release)), backend()
    proxy = engine(LISTEN + pool(first, each=", max_connections = 1"))
    client = proxy.connect()
    client.send(request())
    first.wait_for_requests(1)
    proxy.ask("backend.remove", target="web/web1")
    web1 = {"pool": "web", "name": "web1", "max_connections": 1}
    proxy.ask("backend.add", address=second.address, **web1)
    row = proxy.backend("web1")
    assert (row["sessions"], row["total"], row["bytes_out"]) == (0, 0, 0)
    assert proxy.get().status == 200

    sums = proxy.ask("status")["totals"]
    proxy.ask("backend.remove", target="web/web1")
    proxy.ask("backend.add", address=first.address, **web1)
    assert proxy.backend("web1")["sessions"] == 1, "the first one is still busy"
    assert proxy.get().status == 503
    release.set()
    assert client.read_response().body == b"held"
    wait_until(lambda: proxy.backend("web1")["sessions"] == 0)
    assert proxy.ask("status")["totals"]["backend_bytes_in"] > sums["backend_bytes_in"]


def test_a_new_address_is_used_at_once(engine: StartEngine, backend: OpenBackend) -> None:
    old, new = backend(), backend()
    proxy = engine(LISTEN + pool(old))
    client = proxy.connect()
    client.get()
    proxy.ctl("backend", "set", "web/web1", "--address", new.address)
    client.get()
    assert (len(old.requests), len(new.requests)) == (1, 1)
    wait_until(lambda: old.wires[0].is_closed)


def test_a_dead_backend_is_mended_while_traffic_flows(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    site, spare = backend(), backend()
    proxy = engine(LISTEN + pool(site, unused_address()))
    flowing = traffic(proxy)
    flowing.let_pass()
    broken = proxy.backend("web2")
    assert "refused" in broken["last_error"]
    assert 0 <= broken["last_error_age_s"] < 600
    proxy.ctl("backend", "set", "web/web2", "--address", spare.address)
    flowing.let_pass()
    assert spare.requests
    cured = proxy.backend("web2")
    assert (cured["last_error"], cured["last_error_age_s"]) == (None, None)
    assert cured["failures"] >= broken["failures"] > 0


def test_the_layer_of_edits_can_be_read(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ask("backend.set", target="web/web1", weight=4, who="ann")
    proxy.ask("backend.add", pool="web", name="web2", address="127.0.0.1:1", who="bob")
    proxy.ask("undo")
    shown = proxy.ctl("edits")
    assert [(row["generation"], row["who"].split()[0]) for row in shown["edits"]] == [(2, "ann")]
    assert [row["who"].split()[0] for row in shown["undone"]] == ["bob"]
    assert proxy.ask("status")["edits"] == 1
    assert proxy.backend("web1")["edited"]
