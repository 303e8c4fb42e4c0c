"""Backends that go down and come back, or fail their checks: who gets work, and who says why."""

import threading

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.named import Named, answers, wait_for_health
from tests.behaviour.running import Row
from tests.behaviour.scripted import Script
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, response

QUICK = "interval = 0.1, timeout = 10, rise = 2, fall = 2"
CHECKED = f"health = {{ {QUICK} }},"


def test_a_backend_goes_down_and_comes_back_without_a_client_noticing(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(answer=Named("web1")), backend(answer=Named("web2"))
    running = engine(LISTEN + pool(web1, web2, settings=CHECKED))
    wait_for_health(running, "web1", "up")
    wait_for_health(running, "web2", "up")
    assert sorted(answers(running, 4)) == ["web1", "web1", "web2", "web2"]
    web2.refuse()
    row = wait_for_health(running, "web2", "down")
    assert row["health_reason"] == "refused (ECONNREFUSED)"
    running.wait_for_event("backend web/web2 is down: refused (ECONNREFUSED); it was up for")
    assert answers(running, 4) == ["web1"] * 4
    assert running.backend("web2")["failures"] == 0
    web2.listen_again()
    row = wait_for_health(running, "web2", "up")
    assert row["flaps"] == 2
    assert [bool(check["error"]) for check in row["checks"]][-3:] != [False] * 3
    assert sorted(answers(running, 4)) == ["web1", "web1", "web2", "web2"]


def test_a_check_asks_what_the_file_says_and_judges_the_status(
    engine: StartEngine, backend: OpenBackend
) -> None:
    named = Named("web1", to_checks="204 No Content")
    web1 = backend(answer=named)
    settings = f'health = {{ {QUICK}, path = "/ok?x=1", host = "h.test", expect = "200, 204" }},'
    running = engine(LISTEN + pool(web1, settings=settings))
    row = wait_for_health(running, "web1", "up")
    assert row["checks"][0]["status"] == 204
    assert named.checks[0].lines[:2] == ["GET /ok?x=1 HTTP/1.1", "Host: h.test"]
    assert named.checks[0].get("Connection") == "close"
    named.to_checks = "201 Created"
    assert wait_for_health(running, "web1", "down")["health_reason"] == "status 201"


@pytest.mark.parametrize(
    ("host", "expected"), [("keep", ""), ("backend", ""), ("site.test", "site.test")]
)
def test_a_check_asks_for_the_host_that_a_backend_sees(
    engine: StartEngine, backend: OpenBackend, host: str, expected: str
) -> None:
    named = Named("web1")
    web1 = backend(answer=named)
    engine(LISTEN + pool(web1, settings=f'{CHECKED} host = "{host}",'))
    wait_until(lambda: named.checks)
    assert named.checks[0].get("Host") == (expected or web1.address)


def say(answer: bytes) -> Script:
    """Return a script that answers a request with so many bytes, and ends."""

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(answer)

    return script


def reset(wire: Wire) -> None:
    wire.read_request()
    wire.reset()


def test_whatever_is_no_good_answer_makes_a_backend_down_and_says_why(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()

    def hang(wire: Wire) -> None:
        wire.read_request()
        release.wait(PATIENCE_S)

    def flood(wire: Wire) -> None:
        wire.read_request()
        while not release.is_set():
            wire.send(b"HTTP/1.1 100 C\r\n\r\n" * 1_000)

    scripts = {
        "web1": (hang, "it did not answer within 0.5 s"),
        "web2": (say(b"SSH-2.0-x\r\n"), "The backend's answer does not begin with an HTTP/1.1"),
        "web3": (say(b""), "it closed the connection unanswered"),
        "web4": (say(b"HTTP/1.1 200"), "it closed the connection in the midst of the head"),
        "web5": (reset, "it reset the connection (ECONNRESET)"),
        "web6": (say(response("503 Busy")), "status 503"),
        "web7": (flood, "The backend sent more than 256 interim responses and no final one."),
    }
    backends = [backend(script) for script, _ in scripts.values()]
    settings = "health = { interval = 0.1, timeout = 0.5, rise = 1, fall = 1 },"
    running = engine(LISTEN + pool(*backends, settings=settings))
    for name, (_, why) in scripts.items():
        row = wait_for_health(running, name, "down")
        assert row["health_reason"].startswith(why)
    running.wait_for_event("; nobody of pool web can")
    refused = running.get()
    assert refused.status == 503
    assert b"no backend of pool web is available: web1 is down (it did not" in refused.body
    release.set()


def test_an_interim_answer_is_waited_over(engine: StartEngine, backend: OpenBackend) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    web1 = backend(say(early + response("200 OK", b"x" * 100_000)))
    running = engine(LISTEN + pool(web1, settings=CHECKED))
    assert wait_for_health(running, "web1", "up")["checks"][0]["status"] == 200


def test_a_tcp_check_says_nothing(engine: StartEngine, backend: OpenBackend) -> None:
    web1 = backend(lambda wire: void(wire.read_to_end()))
    running = engine(LISTEN + pool(web1, settings=f"health = {{ {QUICK}, tcp = true }},"))
    row = wait_for_health(running, "web1", "up")
    assert row["checks"][0]["status"] == 0
    assert bytes(web1.wires[0].received) == b""
    web1.refuse()
    wait_for_health(running, "web1", "down")


def void(_: object) -> None:
    """Take a value, and return none."""


def test_a_backend_behind_a_unix_socket_is_checked(
    engine: StartEngine, backend: OpenBackend, directory: object
) -> None:
    named = Named("web1")
    web1 = backend(answer=named, host=f"unix:{directory}/web1.sock")
    running = engine(LISTEN + pool(web1, settings=CHECKED))
    wait_for_health(running, "web1", "up")
    assert named.checks[0].get("Host") == "localhost"
    web1.refuse()
    assert "refused" in wait_for_health(running, "web1", "down")["health_reason"]


def test_a_backend_that_wants_a_proxy_header_gets_one_from_a_check(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_to(b"\r\n\r\n")
        wire.send(response("200 OK"))

    web1 = backend(script)
    running = engine(LISTEN + pool(web1, settings=f'{CHECKED} send_proxy = "v1",'))
    wait_for_health(running, "web1", "up")
    assert bytes(web1.wires[0].received).startswith(b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n")


def test_nobody_is_checked_whose_pool_does_not_say_so(
    engine: StartEngine, backend: OpenBackend
) -> None:
    named = Named("web1")
    checked, left_alone = backend(answer=named), backend()
    running = engine(LISTEN + pool(checked, settings=CHECKED) + pool(left_alone, name="api"))
    wait_until(lambda: len(named.checks) > 5)
    assert left_alone.connections == 0
    row = running.backend("api1", "api")
    assert (row["health"], row["checks"], row["health_since_s"]) == ("unknown", [], 0.0)


def test_a_fallback_takes_over_while_all_are_down(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, spare = backend(answer=Named("web1")), backend(answer=Named("spare"))
    settings = f'{CHECKED} fallback = "spare",'
    running = engine(LISTEN + pool(web1, settings=settings) + pool(spare, name="spare"))
    wait_for_health(running, "web1", "up")
    web1.refuse()
    wait_for_health(running, "web1", "down")
    assert answers(running, 2) == ["spare", "spare"]
    decision = running.ask("decisions", limit=1)["decisions"][0]
    assert decision["backend"] == "spare1"
    assert "web1 is down (refused (ECONNREFUSED)), so its fallback has it" in decision["reason"]
    web1.listen_again()
    wait_for_health(running, "web1", "up")
    assert answers(running, 2) == ["web1", "web1"]


def test_a_fallback_takes_over_at_once_where_nobody_accepts(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, spare = backend(), backend(answer=Named("spare"))
    running = engine(
        LISTEN + pool(web1, settings='fallback = "spare",') + pool(spare, name="spare")
    )
    web1.refuse()
    assert answers(running, 1) == ["spare"]


def test_one_that_comes_back_starts_slowly(engine: StartEngine, backend: OpenBackend) -> None:
    web1, web2 = backend(answer=Named("web1")), backend(answer=Named("web2"))
    running = engine(LISTEN + pool(web1, web2, settings=f"{CHECKED} slow_start = 3600,"))
    wait_for_health(running, "web1", "up")
    wait_for_health(running, "web2", "up")
    assert answers(running, 10).count("web2") == 5
    web2.refuse()
    wait_for_health(running, "web2", "down")
    web2.listen_again()
    assert wait_for_health(running, "web2", "up")["ramp"] == 0.1
    assert answers(running, 22).count("web2") == 2
    row = candidates(running.ask("decisions", limit=1)["decisions"][0])["web2"]
    assert (row["health"], row["ramp"], row["weight"]) == ("up", 0.1, 1)


def candidates(decision: Row) -> dict[str, Row]:
    return {row["name"]: row for row in decision["candidates"]}


def test_previews_and_explanations_know_who_is_down(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(answer=Named("web1")), backend(answer=Named("web2"))
    running = engine(LISTEN + pool(web1, web2, settings=f'{CHECKED} balance = "first",'))
    wait_for_health(running, "web2", "up")
    web1.refuse()
    wait_for_health(running, "web1", "down")
    assert answers(running, 3) == ["web2"] * 3
    explained = running.ctl("explain", "GET", "http://a.test/")
    assert explained["backend"] == "web2"
    row = candidates(explained)["web1"]
    assert (row["health"], row["verdict"]) == ("down", "down (refused (ECONNREFUSED))")
    preview = running.ask("backend.set", target="web/web1", weight=9, preview=True)["what_if"]
    assert (preview["recorded"], preview["moved"]) == (3, 0)
    preview = running.ask("backend.set", target="web/web2", state="drain", preview=True)["what_if"]
    assert preview["unrouted"] == 3
    said = running.run_ctl("backends").stdout
    assert "web/web1 is down: refused (ECONNREFUSED)" in said
