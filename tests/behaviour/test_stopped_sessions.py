"""What a person does with a session that stopped at a breakpoint: steps, edits, a close."""

import contextlib
import threading

import pytest

from rsp.cli.failure import Failure
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.stops import PAGE, add, ask_late, ledger_of, stopped
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, digest, head, request, response


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site)


@pytest.fixture(autouse=True)
def no_breakpoints_left(proxy: Engine) -> object:
    """Every test begins without any, also after one that failed."""
    yield
    proxy.ask("break.remove", id="all")


def test_steps_make_one_call_each(proxy: Engine, site: Backend) -> None:
    go_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", "Content-Length: 20"), b"0123456789")
        assert go_on.wait(PATIENCE_S)
        wire.send(b"abcdefghij")

    site.script = script
    add(proxy, "first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    row = stopped(proxy, client)
    number = str(row["id"])
    assert row["stopped"]["goes_on_in_s"] is None
    read = proxy.ctl("step", number, "read")["done"]
    after = proxy.row(client)
    assert after["stopped"]
    assert f"read {after['backend']['bytes_in']} bytes from the backend" in read
    assert (after["client"]["bytes_out"], after["client"]["unsent_bytes"] > 10) == (0, True)
    assert proxy.run_ctl("step", number, "read").returncode == 1
    proxy.ctl("step", number, "write")
    client.read_head()
    assert client.read(10) == b"0123456789"
    assert proxy.row(client)["client"]["unsent_bytes"] == 0
    assert "waits for the next event" in proxy.ctl("step", number, "event")["done"]
    go_on.set()
    proxy.wait_for_event(f"session {number} made a step: read 10 bytes from the backend")
    assert proxy.row(client)["client"]["unsent_bytes"] == 10
    assert "sent 10 bytes to the client" in proxy.ctl("step", number, "event")["done"]
    assert client.read(10) == b"abcdefghij"
    proxy.ctl("continue", "--all")
    assert not proxy.row(client)["stopped"]


@pytest.mark.parametrize("reset", [False, True])
def test_a_stopped_session_can_be_closed(proxy: Engine, site: Backend, reset: bool) -> None:
    add(proxy, "first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    row = stopped(proxy, client)
    proxy.ctl("close", str(row["id"]), *(["--reset"] if reset else []))
    assert client.is_reset() == reset
    client.close()
    wait_until(lambda: proxy.ask("status")["breaks"]["stopped"] == 0)


def test_bytes_that_wait_can_be_changed_and_the_books_say_so(proxy: Engine, site: Backend) -> None:
    add(proxy, "first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    number = stopped(proxy, client)["id"]
    proxy.ask("step", id=number, kind="read")
    waits = proxy.ctl("pending", str(number), "--side", "client")
    content = bytes.fromhex(waits["bytes_hex"])
    at = content.index(b"hello")
    changed = proxy.ctl("pending", str(number), "--set", b"J".hex(), "--at", str(at))
    assert bytes.fromhex(changed["bytes_hex"]) == content.replace(b"hello", b"Jello")
    too_long = proxy.run_ctl("pending", str(number), "--set", "00" * 6, "--at", str(at))
    assert too_long.returncode == 2 or "do not fit" in too_long.stderr
    proxy.wait_for_event("edited by")
    proxy.ask("continue", id=number)
    assert client.read_response().body == b"Jello"
    assert not ledger_of(proxy, number)["response"]["balanced"]


def test_a_step_that_the_kernel_refuses_leaves_a_gate_in_order(
    proxy: Engine, site: Backend
) -> None:
    site.answer = lambda _: response("200 OK", PAGE * 3)
    proxy.ask("fault.add", kind="latency", values={"latency": 1, "jitter": 0})
    add(proxy, "first-byte", hold=True)
    client = ask_late(proxy)
    number = stopped(proxy, client)["id"]

    def is_refused() -> bool:
        """Read once and write once, where that can be; tell whether the kernel took nothing."""
        for kind in ("read", "write"):
            with contextlib.suppress(Failure):
                proxy.ask("step", id=number, kind=kind)
        return bool(proxy.row(client)["client"]["eagain_writes"])

    wait_until(is_refused)
    assert proxy.row(client)["client"]["unsent_bytes"] > 0
    proxy.ask("break.remove", id="all")
    assert digest(client.read_response().body) == digest(PAGE * 3)
    proxy.ask("fault.remove", id="all")
    assert ledger_of(proxy, number)["response"]["balanced"]
    assert not [line for line in proxy.events() if "a bug of ours" in line]
