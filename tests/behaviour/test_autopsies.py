"""How each session ended: HAProxy's two characters, and a sentence with its evidence."""

import socket
import threading
from pathlib import Path

import pytest

from rsp.core.lab_limits import KEEP_ALIVE_LEAST_S
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import ConnectUnix, OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, chunked, head, numbered, request, response

KIB = 1 << 10
PAGE = numbered(8192 * KIB)
HALF = head("POST / HTTP/1.1", "Host: www.example", "Content-Length: 9") + b"x"
SHORT = "limits { client_write_idle_s = 1, response_head_s = 1 }\n"


def answer(asked: Message) -> bytes:
    return response("200 OK", PAGE if asked.path == "/big" else b"small")


def autopsy(proxy: Engine, session: int) -> Row:
    return wait_until(
        lambda: next(
            (row for row in proxy.ask("autopsies")["autopsies"] if row["id"] == session), {}
        )
    )


def ended(proxy: Engine, client: Wire) -> Row:
    """Return the autopsy of a client's session, which is about to end."""
    return autopsy(proxy, proxy.ask("status")["totals"]["accepted"])


def test_health_accuses_nobody(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    client = proxy.connect()
    assert client.get("/big").body == PAGE
    assert client.get().body == b"small"
    client.close()
    row = ended(proxy, client)
    assert (row["code"], row["reason"], row["undelivered_bytes"]) == ("--", "finished", None)
    assert row["ledger"]["response"]["balanced"]
    assert row["sentence"] == "both sides said all they had to say"
    assert (row["client"], row["backend"]) == (None, None)


def test_a_chunked_response_that_breaks_off_is_told_from_a_whole_one(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        whole = chunked(*[PAGE[:8192]] * 117)[:-5]
        wire.send(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), whole)
        wire.send(b"2000\r\n" + PAGE[:3017])

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    client.send(request())
    client.read_to_end()
    client.close()
    row = ended(proxy, client)
    assert row["code"] == "SD"
    assert "inside chunk 118: size line said 8,192, 3,017 arrived" in row["sentence"]
    flow = row["ledger"]["response"]
    assert (flow["in"], flow["out"], flow["balanced"]) == (117 * 8192 + 3017,) * 2 + (True,)
    assert f"all {flow['in']:,} bytes that came for the client were passed on" in row["sentence"]
    assert row["undelivered_bytes"] == 0
    assert "RDHUP" in row["backend"]["readiness"]
    assert (row["backend_name"], row["backend"]["wrote_last"]) == ("web/web1", "peer")
    # By its reason, its code, and with the session itself.
    for reason in ("backend_gone", "SD"):
        assert proxy.ctl("autopsies", "--reason", reason)["autopsies"] == [row]
    assert proxy.ctl("autopsies", "--reason", "CD")["autopsies"] == []
    assert proxy.ask("connection", id=row["id"])["autopsy"] == row


def test_a_body_shorter_than_its_length(engine: StartEngine, backend: OpenBackend) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", "Content-Length: 5000"), PAGE[:3000])

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    client.send(request())
    client.read_to_end()
    client.close()
    row = ended(proxy, client)
    assert row["code"] == "SD"
    assert "after 3,000 of 5,000 body bytes" in row["sentence"]


def test_the_race_of_keep_alive_has_its_name(engine: StartEngine, backend: OpenBackend) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(response("200 OK", b"first"))
        wire.read_head()
        wire.reset()

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    assert client.ask(request("POST", body=b"x")).body == b"first"
    # Nobody's idle timeout is shorter.
    began_s = proxy.row(client)["age_s"]
    wait_until(lambda: proxy.row(client)["age_s"] > began_s + KEEP_ALIVE_LEAST_S)
    # Not the first of this client, so that it may have a used connection, and not repeatable.
    assert client.ask(request("POST", body=b"y")).status == 502
    client.close()
    row = ended(proxy, client)
    assert row["code"] == "SH"
    assert "reset the connection (ECONNRESET)" in row["sentence"]
    assert "no response byte came" in row["sentence"]
    assert "on a connection that had been idle for" in row["sentence"]
    assert "keep-alive race" in row["sentence"]
    assert row["backend"]["error"] == "ECONNRESET"
    assert "ERR" in row["backend"]["readiness"]


def test_a_race_that_the_client_does_not_notice_is_an_event(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def first(wire: Wire) -> None:
        wire.read_head()
        wire.send(response("200 OK", b"first"))
        site.script = site.serve
        wire.read_head()
        wire.reset()

    site = backend(first, answer=answer)
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    assert client.ask(request()).body == b"first"
    assert client.ask(request()).body == b"small"
    session = proxy.row(client)["id"]
    said = proxy.wait_for_event("the request is sent again on a new one")
    assert said.startswith(f"session {session}: backend web/web1 ({site.address}) reset the")
    assert "which had been idle for" in said
    client.close()
    assert autopsy(proxy, session)["code"] == "--"


def test_a_first_request_that_is_reset_is_no_race(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.reset()

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    assert client.ask(request("POST", body=b"x")).status == 502
    client.close()
    row = ended(proxy, client)
    assert row["code"] == "SH"
    assert "keep-alive race" not in row["sentence"]
    assert "no response byte came" in row["sentence"]


def test_a_client_that_resets_in_mid_download(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    client = proxy.connect(receive_bytes=8192)
    client.send(request(path="/big"))
    wait_until(lambda: proxy.row(client)["client"]["eagain_writes"])
    client.reset()
    row = ended(proxy, client)
    assert (row["code"], row["client"]["error"]) == ("CD", "ECONNRESET")
    # Known to the byte: all that came, less what its kernel had acknowledged.
    assert row["undelivered_bytes"] > row["client"]["unsent_bytes"] > 0
    assert (
        f"{row['undelivered_bytes']:,} bytes were not acknowledged by the client" in row["sentence"]
    )


def test_what_the_client_gets_after_its_backend_has_gone_is_not_called_lost(
    engine: StartEngine, backend: OpenBackend
) -> None:
    part = PAGE[: 100 * KIB]

    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {len(part) + 1}"), part)

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect(receive_bytes=4096)
    client.send(request())
    # All of it has left, and FIN, but most of it is still in the kernel: the client reads nothing.
    session = proxy.wait_for_state(client, "closing")["id"]
    assert proxy.ask("connection", id=session)["client"]["kernel_send_queue_bytes"] > 50 * KIB
    assert client.read_to_end().endswith(part)
    client.close()
    row = autopsy(proxy, session)
    assert (row["code"], row["undelivered_bytes"]) == ("SD", 0)
    assert f"all {len(part):,} bytes that came for the client were passed on" in row["sentence"]


def test_a_fin_of_ours_is_no_byte_that_was_lost(engine: StartEngine, backend: OpenBackend) -> None:
    page = PAGE[: 100 * KIB]
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", page))))
    client = proxy.connect(receive_bytes=4096)
    client.send(request("GET", "/", "Connection: close"))
    session = proxy.wait_for_state(client, "closing")["id"]

    def side() -> Row:
        return dict(proxy.ask("connection", id=session)["client"])

    def got_bytes() -> int:
        return len(client.sock.recv(1 << 20, socket.MSG_PEEK))

    # What it has got and what is on its way are all that left, and FIN behind it.
    wait_until(
        lambda: got_bytes() + (last := side())["kernel_send_queue_bytes"] == last["bytes_out"] + 1
    )
    got = got_bytes()
    client.reset()
    row = autopsy(proxy, session)
    assert (row["code"], row["reason"]) == ("CL", "client_gone")
    assert row["undelivered_bytes"] == row["client"]["bytes_out"] - got > 0


def test_a_client_that_has_got_its_answer_may_reset(proxy: Engine) -> None:
    client = proxy.connect()
    assert client.get().status == 200
    client.reset()
    row = ended(proxy, client)
    assert (row["code"], row["reason"]) == ("--", "finished")
    assert row["sentence"].endswith(": ECONNRESET, while it was idle")


def test_a_client_that_resets_before_it_has_got_its_answer_is_gone(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", PAGE[: 100 * KIB]))))
    client = proxy.connect(receive_bytes=4096)
    client.send(request())
    session = proxy.wait_for_state(client, "idle")["id"]
    client.reset()
    row = autopsy(proxy, session)
    assert (row["code"], row["reason"]) == ("CL", "client_gone")
    assert row["undelivered_bytes"] > 0
    assert "were not acknowledged by the client" in row["sentence"]


@pytest.mark.parametrize(
    ("sent", "code", "words"),
    [
        (b"GET / HT", "CR", "the client ended inside a request head"),
        (HALF, "CH", "inside a request body"),
    ],
)
def test_a_client_that_ends_inside_its_request(
    engine: StartEngine, backend: OpenBackend, sent: bytes, code: str, words: str
) -> None:
    released = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(released))))
    client = proxy.connect()
    client.send(sent)
    session = proxy.row(client)["id"]
    client.close()
    row = autopsy(proxy, session)
    released.set()
    assert (row["code"], row["reason"]) == (code, "client_gone")
    assert words in row["sentence"]


def test_a_client_that_never_ends_its_head(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine("limits { client_head_s = 0.5 }\n" + LISTEN + pool(backend()))
    client = proxy.connect()
    client.send(b"GET / HT")
    assert client.read_response().status == 408
    client.close()
    row = ended(proxy, client)
    assert (row["code"], row["reason"]) == ("cR", "client_timeout")


def test_of_a_client_on_a_unix_socket_nothing_is_guessed(
    engine: StartEngine, backend: OpenBackend, directory: Path, connect_unix: ConnectUnix
) -> None:
    door = directory / "door"
    released = threading.Event()
    site = backend(hold(released))
    proxy = engine(f'listen {{ address = "unix:{door}" }}\n' + pool(site))
    client = connect_unix(door)
    client.send(HALF)
    client.close()
    row = ended(proxy, client)
    released.set()
    assert (row["code"], row["undelivered_bytes"]) == ("CH", None)
    assert (row["client"]["tcp_state"], row["client"]["send_queue_bytes"]) == (None, None)


@pytest.mark.parametrize(("path", "code"), [("/hang", "sH"), ("/big", "cD")])
def test_who_takes_too_long(
    engine: StartEngine, backend: OpenBackend, path: str, code: str
) -> None:
    released = threading.Event()

    def script(wire: Wire) -> None:
        if wire.read_head().path == "/hang":
            assert released.wait(PATIENCE_S)
        else:
            wire.send(response("200 OK", PAGE))

    proxy = engine(SHORT + LISTEN + pool(backend(script)))
    client = proxy.connect(receive_bytes=8192)
    client.send(request(path=path))
    session = proxy.row(client)["id"]
    row = autopsy(proxy, session) if path == "/big" else None
    if row is None:
        assert client.read_response().status == 504
        client.close()
        row = autopsy(proxy, session)
    released.set()
    assert row["code"] == code


def test_a_backend_that_refuses(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    site.refuse()
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    assert client.ask(request()).status == 502
    client.close()
    row = ended(proxy, client)
    assert (row["code"], row["backend"]) == ("SC", None)
    assert "refused (ECONNREFUSED)" in row["sentence"]


def test_a_person_who_closes(engine: StartEngine, backend: OpenBackend) -> None:
    released = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(released))))
    client = proxy.connect()
    client.send(request())
    session = proxy.row(client)["id"]
    proxy.ctl("close", str(session), "--reset")
    row = autopsy(proxy, session)
    released.set()
    assert row["code"] == "KH"


def test_what_is_never_read_of_a_client_is_named(engine: StartEngine, backend: OpenBackend) -> None:
    released = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(released))))
    client = proxy.connect()
    session = proxy.row(client)["id"]
    proxy.ask("pause", id=session)
    client.send(b"x" * 1000)
    wait_until(
        lambda: (
            proxy.ask("connections", visible=[session])["connections"][0]["client"][
                "kernel_receive_queue_bytes"
            ]
            == 1000
        )
    )
    proxy.ctl("close", str(session), "--reset")
    row = autopsy(proxy, session)
    released.set()
    assert row["client"]["receive_queue_bytes"] == 1000
    assert "1,000 bytes from the client were never read" in row["sentence"]


def test_an_unknown_reason_is_refused(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    done = proxy.run_ctl("autopsies", "--reason", "tired")
    assert done.returncode == 1
    assert 'no reason "tired"; there are finished, client_gone' in done.stderr
