"""The log: one line an event, in either form, whatever strangers send."""

import json
import re

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import unused_address
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, request

TEXT_LINE = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+0000\] [^\x00-\x1f\x7f-\x9f]+")
HOSTILE = b"GET /\x1b]52;c;aGk=\x07\x9b2J HTTP/1.1\r\nHost: a\r\n\r\n"
SECRETS = ["Authorization: Bearer hunter2", "Cookie: id=hunter2", "X-Api-Key: hunter2"]


def pools_of(site: Backend) -> str:
    """The first backend of the pool refuses, so the second one gets everything."""
    return pool(unused_address(), site, settings='balance = "first",')


def provoke(proxy: Engine, site_wires: list[Wire]) -> None:
    """Let everything happen that the log tells of."""
    client = proxy.connect()
    client.send(HOSTILE)
    client.read_to_end()
    client.close()
    proxy.get("/?token=hunter2", *SECRETS)
    proxy.ask("backend.set", target="web/web1", weight=3)
    leaver = proxy.connect()
    leaver.send(request("POST", "/", *SECRETS, body=b"hunter2 and more")[:-3])
    wait_until(lambda: any(b"POST" in wire.received for wire in site_wires))
    leaver.reset()
    wait_until(lambda: not proxy.ask("connections")["total"])


def test_as_text_nothing_leaves_its_line(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pools_of(site))
    provoke(proxy, site.wires)
    lines = proxy.log.removesuffix("\n").split("\n")
    assert len(lines) > 8
    assert [line for line in lines if not TEXT_LINE.fullmatch(line)] == []
    assert "hunter2" not in proxy.log


def test_as_json_every_line_is_an_object(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pools_of(site), "--log-format", "json")
    provoke(proxy, site.wires)
    rows = [json.loads(line) for line in proxy.log.splitlines()]
    assert {"at", "level", "source", "session", "message"} <= set(rows[0])
    assert {row["level"] for row in rows} >= {"debug", "info", "warn", "error"}
    assert {row["source"] for row in rows} >= {"engine", "session", "backend", "control"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["at"]) for row in rows)
    assert "hunter2" not in proxy.log
