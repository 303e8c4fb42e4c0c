"""Looking at the bytes of a watched session: as they came, less what is secret."""

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, numbered, request, response

SECRET, COOKIE, SET = "KaNaRi01zq", "KaNaRi02zq", "KaNaRi03zq"


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site)


def watched(proxy: Engine) -> tuple[Wire, int]:
    client = proxy.connect()
    number = proxy.row(client)["id"]
    proxy.ctl("watch", str(number))
    return client, number


def bytes_of(row: Row) -> bytes:
    return bytes.fromhex(row["bytes_hex"])


def test_both_directions_are_shown_as_they_came(proxy: Engine, site: Backend) -> None:
    answer = response("200 OK", b"\x00\xffhello", "X-Odd: \x1b[31m")
    site.answer = lambda _: answer
    client, number = watched(proxy)
    asked = request("GET", "/page", "Accept: */*")
    client.ask(asked)
    found = proxy.ctl("peek", str(number))
    assert (found["session"], found["watched"]) == (number, True)
    assert bytes_of(found["request"]) == asked
    assert bytes_of(found["response"]) == answer
    assert [(head["direction"], head["offset"]) for head in found["heads"]] == [
        ("request", 0), ("response", 0),
    ]  # fmt: skip
    assert found["heads"][0]["lines"][0] == "GET /page HTTP/1.1"
    only = proxy.ctl("peek", str(number), "--direction", "response")
    assert (only["request"]["bytes_hex"], bytes_of(only["response"])) == ("", answer)
    shown = proxy.run_ctl("peek", str(number)).stdout
    assert "> 00000000 47 45 54 20 2f 70 61 67" in shown
    assert "\x1b" not in shown


def test_no_secret_leaves_the_engine_and_the_backend_gets_them(
    proxy: Engine, site: Backend
) -> None:
    site.answer = lambda _: response("200 OK", b"hello", f"Set-Cookie: id={SET}; Path=/")
    client, number = watched(proxy)
    asked = request("GET", f"/?token={SECRET}", f"Cookie: id={COOKIE}")
    first, rest = asked[:10], asked[10:]
    # In two reads, the second of which begins inside the secret's name.
    client.send(first)
    wait_until(lambda: proxy.row(client)["client"]["bytes_in"] == len(first))
    assert client.ask(rest).status == 200
    assert SECRET in site.requests[0].path
    found = proxy.ask("peek", id=number)
    everything = f"{found} {bytes_of(found['request'])!r} {bytes_of(found['response'])!r}"
    assert not [secret for secret in (SECRET, COOKIE, SET) if secret in everything]
    assert len(bytes_of(found["request"])) == len(asked)
    assert b"Cookie: " + b"*" * len(f"id={COOKIE}") in bytes_of(found["request"])
    assert sum("<secret " in line for head in found["heads"] for line in head["lines"]) == 3


def test_so_much_is_kept_and_the_rest_is_counted(proxy: Engine, site: Backend) -> None:
    content = numbered(300_000)
    site.answer = lambda _: response("200 OK", content)
    client, number = watched(proxy)
    client.get()
    found = proxy.ask("peek", id=number)["response"]
    kept = bytes_of(found)
    assert len(kept) == 32 * 1024
    assert found["from_offset"] == found["dropped_bytes"] > 0
    assert content.endswith(kept[-1000:])
    assert proxy.ask("status")["memory"]["used_bytes"] >= len(kept)


def test_nothing_is_kept_of_who_is_not_watched(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.get()
    number = proxy.row(client)["id"]
    found = proxy.ask("peek", id=number)
    assert (found["watched"], found["request"]["bytes_hex"], found["heads"]) == (False, "", [])
    proxy.ask("watch", id=number)
    client.get()
    assert proxy.ask("peek", id=number)["heads"]
    proxy.ask("watch", id=number, off=True)
    assert not proxy.ask("peek", id=number)["watched"]


def test_a_closed_session_still_shows_what_it_had(proxy: Engine, site: Backend) -> None:
    client, number = watched(proxy)
    client.get()
    client.close()
    wait_until(lambda: proxy.ask("connection", id=number)["state"] == "closed")
    assert len(proxy.ask("peek", id=number)["heads"]) == 2


def test_what_waits_in_a_stopped_session_shows_no_secret(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", b"hello", f"Set-Cookie: id={SET}")
    proxy.ask("break.add", expression="first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    number = wait_until(lambda: row if (row := proxy.row(client))["stopped"] else {})["id"]
    proxy.ask("step", id=number, kind="read")
    waits = bytes.fromhex(proxy.ask("pending", id=number)["bytes_hex"])
    assert waits.startswith(b"HTTP/1.1 200 OK\r\n")
    assert waits.endswith(b"hello")
    assert SET.encode() not in waits
    proxy.ask("break.remove", id="all")
    assert client.read_response().get("Set-Cookie") == f"id={SET}"
