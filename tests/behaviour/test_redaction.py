"""Secrets of requests: the backend gets them whole, and nobody who looks at the engine sees one.

Twenty canaries stand in twelve places of a request and its response, and a `route` says all of
them in every way it has: as a key, a reason, an error, the name of a pool, and by printing.
"""

import json
from pathlib import Path

import pytest

from rsp.tui.app import Dashboard
from rsp.tui.crash import write_report
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until as wait
from tests.behaviour.wire import Message, chunked, head, response
from tests.tui.stage import screen_text, wait_until

CANARIES = [f"KaNaRi{number:02}zq" for number in range(20)]
_LEFT = iter(CANARIES)
_next = _LEFT.__next__

FIELDS = [
    f"Authorization: Bearer {_next()}",
    f"Proxy-Authorization: Digest {_next()}",
    f"Cookie: id={_next()}; theme={_next()}",
    f"X-Api-Key: {_next()}",
    f"X-Auth-Token: {_next()}",
    f"X-Amz-Security-Token: {_next()}",
    f"Referer: http://{_next()}@elsewhere.example/",
]
QUERY = "&".join(
    f"{name}={_next()}"
    for name in ("token", "access_token", "api_key", "password", "X-Signature", "%73ession")
)
PATH = f"/;sid={_next()}/token={_next()}"
PROXY_PASSWORD = _next()
TRAILER = f"X-Session-Token: {_next()}"
SET_COOKIE = f"Set-Cookie: id={_next()}; Path=/"
ASKED = _next()
assert list(_LEFT) == []

ROUTE = """
local function everything(request)
  local all = { request.path, request.query }
  for _, name in ipairs { "authorization", "cookie", "x-api-key", "x-auth-token", "referer",
      "x-amz-security-token", "proxy-authorization" } do
    all[#all + 1] = request.headers[name] or ""
  end
  return all
end
function route(request)
  local how = request.headers["x-how"]
  local all = everything(request)
  if how == "print" then
    print(unpack(all))
    for _, value in ipairs(all) do print(value) end
  elseif how == "error" then
    error(table.concat(all, " and "))
  elseif how == "pool" then
    return request.headers.cookie
  elseif how == "parts" then
    return "web", { key = request.headers.cookie:match("id=([^;]+)"):lower(),
                    reason = "cookie " .. request.headers.cookie:sub(4, 12) }
  elseif how == "query" then
    return "web", { key = request.query, reason = request.query:match("=(%w+)") }
  elseif how then
    return "web", { key = request.headers[how], reason = how .. ": " .. request.headers[how] }
  end
  return "web"
end
"""
WAYS = ["print", "error", "pool", "parts", "query", "authorization", "proxy-authorization",
        "cookie", "x-api-key", "x-auth-token", "x-amz-security-token", "referer"]  # fmt: skip


def answer(_: Message) -> bytes:
    return response("200 OK", b"hello", SET_COOKIE)


def provoke(proxy: Engine, site: Backend) -> None:
    """Let every secret be seen in every place, and hold one exchange open with all of them."""
    for how in WAYS:
        got = proxy.get(f"{PATH}?{QUERY}", *FIELDS, f"X-How: {how}")
        assert got.status == (502 if how in ("error", "pool") else 200)
        assert not found_in(got.body.decode())
    wire = proxy.connect()
    wire.send(
        head(f"POST {PATH}?{QUERY} HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", *FIELDS),
        chunked(b"hello").removesuffix(b"\r\n") + f"{TRAILER}\r\n\r\n".encode(),
    )
    assert wire.read_response("POST").status == 200
    for target in (f"http://user:{PROXY_PASSWORD}@a/", f"http://{PROXY_PASSWORD}@a/"):
        assert proxy.connect().ask(head(f"GET {target} HTTP/1.1", "Host: a")).status == 400
    held = proxy.connect()
    held.send(head(f"POST {PATH}?{QUERY} HTTP/1.1", "Host: a", *FIELDS, "X-How: cookie",
                   "Content-Length: 9"))  # fmt: skip
    proxy.wait_for_state(held, "streaming")
    assert site.mistakes == []


def found_in(text: str) -> list[str]:
    """Return the canaries that stand in `text`, in any spelling."""
    text = text.lower()
    return [canary for canary in CANARIES if canary.lower() in text]


@pytest.fixture
def site(backend: OpenBackend) -> Backend:
    return backend(answer=answer)


@pytest.fixture
def proxy(engine: StartEngine, site: Backend) -> Engine:
    started = engine(LISTEN + pool(site, settings='balance = "hash",') + ROUTE)
    provoke(started, site)
    return started


def test_the_backend_gets_them_whole(proxy: Engine, site: Backend) -> None:
    seen = b"".join(bytes(wire.received) for wire in site.wires).decode()
    at_the_backend = set(found_in(seen))
    # Those of the response, of a proxy's own fields, of trailers and of refused requests are not
    # for it, and one is only ever asked about.
    own = "\n".join([FIELDS[1], TRAILER, SET_COOKIE, PROXY_PASSWORD, ASKED])
    assert at_the_backend >= set(CANARIES) - set(found_in(own))


def test_no_answer_of_ctl_and_no_log_has_one(proxy: Engine, tmp_path: Path) -> None:
    session = proxy.ask("connections")["connections"][0]["id"]
    closed = proxy.ask("exchanges")["exchanges"][-1]["session"]
    export = tmp_path / "decisions.jsonl"
    commands = [
        ["status"], ["connections"], ["exchanges"], ["backends"], ["decisions"], ["edits"],
        ["events"], ["connection", str(session)], ["connection", str(closed)],
        ["explain", "GET", f"http://a{PATH}?{QUERY}&key={ASKED}"],
        ["explain", "GET", f"http://u:{ASKED}@a/{PATH}"],
        ["explain", "GET", "http://a/", "-H", f"no field token={ASKED}"],
        ["connections", "--filter", f"no.such.field:token={ASKED}"],
        ["decisions", "--export", str(export)],
    ]  # fmt: skip
    for words in commands:
        for form in ([], ["--json"]):
            done = proxy.run_ctl(*form, *words)
            assert found_in(done.stdout + done.stderr) == [], words
    for how in WAYS:
        fields = [word for line in (*FIELDS, f"X-How: {how}") for word in ("-H", line)]
        told = proxy.run_ctl("explain", "GET", f"http://a/?token={ASKED}", *fields, "--json")
        assert found_in(told.stdout + told.stderr) == [], how
    assert "<secret " in proxy.run_ctl("decisions", "--json").stdout
    assert found_in(proxy.log) == []
    assert "route printed" in proxy.log
    assert found_in(export.read_text()) == []


def test_equal_secrets_stay_equal_in_an_export(proxy: Engine, tmp_path: Path) -> None:
    export = tmp_path / "decisions.jsonl"
    for _ in range(3):
        proxy.get("/", *FIELDS, "X-How: x-api-key")
    proxy.get("/", "X-Api-Key: another-one", "X-How: x-api-key")
    assert proxy.run_ctl("decisions", "--export", str(export), "--limit", "4").returncode == 0
    keys = [json.loads(line)["key"] for line in export.read_text().splitlines()]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert all(key.startswith("<secret ") for key in keys)


def test_as_json_the_log_has_none(engine: StartEngine, site: Backend) -> None:
    proxy = engine(LISTEN + pool(site) + ROUTE, "--log-format", "json")
    provoke(proxy, site)
    wait(lambda: "route printed" in proxy.log)
    assert found_in(proxy.log) == []


def fall_over(rows: object, secrets: list[str]) -> None:
    """Fail with secrets in a local variable, and quote what the dashboard was given."""
    raise ValueError(rows, len(secrets))


def crash_report(rows: object) -> str:
    """Return the report of such a crash."""
    with pytest.raises(ValueError, match="exchanges") as crash:
        fall_over(rows, CANARIES)
    report = Path(write_report(crash.value))
    try:
        return report.read_text()
    finally:
        report.unlink()


async def test_no_screen_and_no_report_of_a_crash_has_one(proxy: Engine) -> None:
    app = Dashboard(str(proxy.control), read_only=False, engine_is_child=False)
    seen = []
    async with app.run_test(size=(250, 60), notifications=True) as pilot:
        await wait_until(pilot, lambda: "● LIVE" in screen_text(app))
        for keys in (["1"], ["E"], ["escape"], ["enter"], ["escape"], ["2"], ["3"], ["5"]):
            await pilot.press(*keys)
            await pilot.pause(0.3)
            seen.append(screen_text(app))
    assert "secret" in "".join(seen)
    assert found_in("".join(seen)) == []
    rows = [proxy.ask(name) for name in ("decisions", "exchanges", "events", "connections")]
    report = crash_report(rows)
    assert "fall_over" in report
    assert found_in(report) == []


def test_what_is_said_to_a_user_who_gives_a_url_with_a_password_leaves_it_out() -> None:
    done = run_rsp("serve", "--to", f"http://user:{ASKED}@127.0.0.1:1", "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert found_in(done.stderr) == []
