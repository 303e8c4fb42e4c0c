"""Changes on trial: confirmed, taken back in time, taken back at once; nothing else meanwhile."""

import threading

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import free_port, unused_address
from tests.behaviour.running import Engine
from tests.behaviour.scripted import hold, listen_at
from tests.behaviour.test_reload import write
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, request, response

LONG = "600"
"""Longer than any test: what is taken back within it was not taken back by the time."""


def fail(_: Message) -> bytes:
    return response("500 Broken", b"broken")


def weight_on_trial(proxy: Engine, *words: str) -> None:
    proxy.ctl("backend", "set", "web/web1", "--weight", "9", "--confirm", *words)


def test_a_change_that_is_confirmed_stays(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    said = proxy.ctl("backend", "set", "web/web1", "--weight", "9", "--confirm", LONG)
    assert said["trial"]["generation"] == 2
    assert 0 < said["trial"]["left_s"] <= float(LONG)
    assert proxy.ask("status")["trial"]["what"] == "web/web1: weight 1 → 9"
    kept = proxy.ctl("confirm")
    assert kept["changed"] == ["confirmed generation 2: web/web1: weight 1 → 9"]
    assert (kept["generation"], kept["trial"]) == (2, None)
    assert proxy.ask("status")["trial"] is None
    assert "nothing is on trial" in proxy.run_ctl("confirm").stderr
    assert proxy.backend("web1")["weight"] == 9


def test_a_change_that_nobody_confirms_is_taken_back(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    weight_on_trial(proxy, "1")
    why = "rolled back generation 2: nobody confirmed it within 1 s"
    wait_until(lambda: proxy.ask("status")["rolled_back"] == why)
    assert proxy.backend("web1")["weight"] == 1
    last = proxy.ctl("edits")["history"][-1]
    assert (last["generation"], last["kind"], last["who"]) == (3, "rollback", "rsp")
    rows = proxy.ask("events")["events"]
    assert [row["level"] for row in rows if why in row["message"]] == ["warn"]
    proxy.ctl("backend", "set", "web/web1", "--weight", "2")
    assert proxy.ask("status")["rolled_back"] == "", "it is no longer the last change"


def test_a_change_that_fails_too_often_is_taken_back_at_once(
    engine: StartEngine, backend: OpenBackend
) -> None:
    good, bad = backend(), backend(answer=fail)
    proxy = engine(LISTEN + pool(good))
    proxy.ctl("backend", "set", "web/web1", "--address", bad.address, "--confirm", LONG)
    for _ in range(20):
        proxy.get()
    proxy.wait_for_event("rolled back generation 2: 20 of 20 exchanges failed, more than 30 %")
    assert proxy.get().body == b"hello"


def finds_nobody(proxy: Engine) -> bool:
    """Connect, and tell whether the connection was reset: at once, or before we could look."""
    try:
        return proxy.connect().is_reset()
    except ConnectionResetError:
        return True


def test_tcp_sessions_that_find_nobody_take_a_change_back(
    engine: StartEngine, backend: OpenBackend
) -> None:
    good = backend()
    proxy = engine('listen { address = "127.0.0.1:0", mode = "tcp" }\n' + pool(good))
    old = [proxy.connect() for _ in range(3)]
    for client in old:
        assert client.get().body == b"hello"
    proxy.ctl("backend", "set", "web/web1", "--address", unused_address(), "--confirm", LONG)
    for _ in range(20):
        assert finds_nobody(proxy)
    proxy.wait_for_event("rolled back generation 2: 20 of 20 tcp sessions failed, more than 30 %")
    # What was decided before it neither counted nor suffered.
    assert [client.get().body for client in [*old, proxy.connect()]] == [b"hello"] * 4


def test_errors_of_our_own_count_and_the_bound_can_be_moved(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), settings='balance = "round_robin",'))
    words = ("web", "web2", unused_address(), "--confirm", LONG, "--max-errors", "50")
    proxy.ctl("backend", "add", *words)
    # A connect that is refused is tried elsewhere: nothing fails, so it stays on trial.
    for _ in range(24):
        assert proxy.get().status == 200
    wait_until(lambda: proxy.ask("status")["trial"]["exchanges"] >= 24)
    assert proxy.ask("status")["trial"]["failed"] == 0
    proxy.ctl("confirm")
    proxy.ctl("backend", "remove", "web/web1", "--confirm", LONG, "--max-errors", "0")
    for _ in range(20):
        proxy.get()
    proxy.wait_for_event("20 of 20 exchanges failed, more than 0 %")
    assert proxy.backend("web1")["state"] == "ready"


def test_exchanges_of_the_generation_before_do_not_count(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site))
    clients = [proxy.connect() for _ in range(20)]
    for client in clients:
        client.send(request())
    site.wait_for_requests(20)
    weight_on_trial(proxy, LONG)
    site.refuse()
    for wire in site.wires:
        wire.reset()
    release.set()
    assert {client.read_response().status for client in clients} == {502}
    assert proxy.get().status == 502
    row = wait_until(lambda: t if (t := proxy.ask("status")["trial"])["exchanges"] else {})
    assert (row["exchanges"], row["failed"]) == (1, 1)


def test_nothing_else_is_changed_while_one_is_on_trial(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ctl("backend", "set", "web/web1", "--max-connections", "50")
    proxy.ctl("undo")
    weight_on_trial(proxy, LONG)
    for words in (
        ("backend", "set", "web/web1", "--state", "drain"),
        ("backend", "add", "web", "web2", "127.0.0.1:1"),
        ("reload",),
        ("redo",),
    ):
        done = proxy.run_ctl(*words)
        assert done.returncode == 1, words
        assert "generation 4 is on trial for" in done.stderr
        assert "web/web1: weight 1 → 9, by uid" in done.stderr
        assert "`rsp ctl confirm` keeps it" in done.stderr
    assert proxy.ctl("backend", "remove", "web/web1", "--preview")["generation"] == 4
    assert proxy.ctl("reload", "--preview")["generation"] == 4
    proxy.ctl("confirm")
    assert proxy.ctl("backend", "set", "web/web1", "--weight", "2")["generation"] == 5


def test_undo_takes_back_what_is_on_trial_and_all_is_as_it_was_before(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ctl("backend", "set", "web/web1", "--max-connections", "50")
    proxy.ctl("undo")
    weight_on_trial(proxy, LONG)
    said = proxy.ctl("undo")
    assert said["changed"] == ["rolled back generation 4: it was undone"]
    assert (said["generation"], said["trial"], proxy.backend("web1")["weight"]) == (5, None, 1)
    assert proxy.ctl("redo")["changed"] == ["redid: web/web1: max_connections 0 → 50"]


def test_reload_undo_and_redo_can_be_on_trial(engine: StartEngine, backend: OpenBackend) -> None:
    def shout(_: Message) -> bytes:
        return response("200 OK", b"new")

    proxy = engine(LISTEN + pool(backend()))
    write(proxy, LISTEN + pool(backend(answer=shout)))
    proxy.ctl("reload", "--confirm", LONG)
    assert proxy.get().body == b"new"
    proxy.ctl("undo")
    assert proxy.get().body == b"hello"
    proxy.ctl("reload")
    proxy.ctl("undo", "--confirm", LONG)
    assert proxy.get().body == b"hello"
    proxy.ctl("undo")
    assert proxy.get().body == b"new", "the undo was taken back"
    proxy.ctl("undo")
    proxy.ctl("redo", "--confirm", "1")
    proxy.wait_for_event("nobody confirmed it within 1 s")
    assert proxy.get().body == b"hello"


def test_a_rollback_that_cannot_be_done_is_told_and_the_change_stays(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site, port = backend(), free_port()
    proxy = engine(LISTEN + f'listen {{ address = "127.0.0.1:{port}" }}\n' + pool(site))
    write(proxy, LISTEN + pool(backend(answer=fail)))
    proxy.ctl("reload", "--confirm", LONG)
    with listen_at("127.0.0.1", port):
        assert f"cannot listen on 127.0.0.1:{port}" in proxy.run_ctl("undo").stderr
        assert proxy.ask("status")["trial"] is not None, "by hand it can be tried again"
        for _ in range(20):
            proxy.get()
        told = proxy.wait_for_event("generation 2 cannot be rolled back (20 of 20 exchanges")
    assert f"cannot listen on 127.0.0.1:{port}" in told
    status = proxy.ask("status")
    assert (status["generation"], status["trial"]) == (2, None)
    assert proxy.ctl("undo")["generation"] == 3


def test_a_backend_that_is_to_go_once_idle_waits_for_the_end_of_the_trial(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), backend()))
    proxy.ctl("backend", "remove", "web/web1", "--when-idle", "--confirm", LONG)
    assert proxy.backend("web1")["state"] == "drain"
    proxy.ctl("confirm")
    wait_until(lambda: len(proxy.ask("backends")["pools"][0]["backends"]) == 1)


def test_terms_that_make_no_sense_are_refused(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    words = ("backend", "set", "web/web1", "--weight", "9")
    assert proxy.run_ctl(*words, "--confirm", "0.9").returncode == 2
    assert proxy.run_ctl(*words, "--confirm", "9", "--max-errors", "101").returncode == 2
    done = proxy.run_ctl(*words, "--max-errors", "10")
    assert (done.returncode, "max_errors is for a change with confirm" in done.stderr) == (1, True)
    done = proxy.run_ctl(*words, "--confirm", "9", "--preview")
    assert (done.returncode, "leaves nothing to confirm" in done.stderr) == (1, True)
    said = proxy.ctl("backend", "set", "web/web1", "--weight", "1", "--confirm", "9")
    assert (said["generation"], said["trial"]) == (1, None), "nothing changed, so nothing is tried"
