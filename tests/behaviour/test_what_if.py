"""Previews and traces of a running engine: what they say is what then happens."""

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row, run_rsp
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import request

ROUTE = """
function route(request)
  local host = request.raw_host
  if request.headers["X-Where"] == "nowhere" then
    return "gone"
  end
  if request.path == "/broken" then
    error("no way")
  end
  return "web", { key = host }
end
"""
FOLDED = ROUTE.replace("request.raw_host", "request.raw_host:lower()")
HASH = 'balance = "hash_mod",'
SECRET = "s3cr3t-of-somebody"


def site(backends: list[Backend], route: str = ROUTE, settings: str = HASH) -> str:
    return LISTEN + pool(*backends, settings=settings) + route


@pytest.fixture
def backends(backend: OpenBackend) -> list[Backend]:
    return [backend() for _ in range(4)]


def send(proxy: Engine) -> None:
    """Send the same requests each time: names in two spellings, one that fails, one nowhere."""
    client = proxy.connect()
    for number in range(15):
        for host in (f"site{number}.example", f"Site{number}.Example"):
            client.get("/", host=host)
    client.close()
    proxy.get("/broken")
    proxy.get("/x?token=" + SECRET, "X-Where: nowhere", f"Cookie: id={SECRET}")


def went(proxy: Engine) -> list[str]:
    """Return where the last batch went, by the record of the decisions."""
    rows = proxy.ask("decisions", limit=32)["decisions"]
    return [place(row) for row in rows]


def place(row: Row) -> str:
    if row["backend"]:
        return f"{row['pool']}/{row['backend']}"
    return "route failed" if row["reason"] == "route failed" else "no backend"


def moves_of(found: Row) -> Counter[tuple[str, str]]:
    return Counter({(move["from"], move["to"]): move["count"] for move in found["moves"]})


@pytest.mark.parametrize("change", ["folded", "fewer", "rendezvous"])
def test_a_preview_counts_what_then_happens(
    engine: StartEngine, backends: list[Backend], change: str
) -> None:
    proxy = engine(site(backends))
    send(proxy)
    before = went(proxy)
    new = {
        "folded": site(backends, FOLDED),
        "fewer": site(backends[:3]),
        "rendezvous": site(backends, settings='balance = "hash",'),
    }[change]
    (proxy.directory / "config.lua").write_text(new)
    found = proxy.ctl("reload", "--preview")
    assert found["generation"] == 1
    what_if = found["what_if"]
    proxy.ctl("reload")
    send(proxy)
    pairs = zip(before, went(proxy), strict=True)
    really = Counter(pair for pair in pairs if pair[0] != pair[1])
    assert moves_of(what_if) == really
    assert what_if["recorded"] == len(before)
    assert what_if["moved"] == really.total() > 0
    assert (what_if["unrouted"], what_if["errors"]) == (1, 1)
    assert what_if["cannot_be_known"] == {}
    # Only a change of spelling leaves every key alone that has none to change.
    assert (what_if["moved_capitals"] == what_if["moved"]) == (change == "folded")
    again = proxy.ctl("reload", "--preview")["what_if"]
    assert (again["moved"], again["recorded"]) == (0, 2 * len(before))


def test_a_preview_of_an_edit_counts_what_then_happens(
    engine: StartEngine, backends: list[Backend], backend: OpenBackend
) -> None:
    proxy = engine(site(backends))
    fifth = backend().address
    for words in (
        ("add", "web", "web5", fifth),
        ("set", "web/web1", "--state", "drain"),
        ("remove", "web/web2"),
    ):
        send(proxy)
        before = went(proxy)
        what_if = proxy.ctl("backend", *words, "--preview")["what_if"]
        once = proxy.ctl("backend", *words)
        assert once["what_if"] is None
        send(proxy)
        really = Counter(
            pair for pair in zip(before, went(proxy), strict=True) if pair[0] != pair[1]
        )
        times = what_if["recorded"] // len(before)
        assert moves_of(what_if) == Counter({pair: times * n for pair, n in really.items()})
        assert what_if["keys"][0]["pool"] == "web"


def test_what_depends_on_turns_is_not_guessed(engine: StartEngine, backends: list[Backend]) -> None:
    proxy = engine(site(backends, settings=""))
    send(proxy)
    found = proxy.ctl("backend", "set", "web/web1", "--state", "drain", "--preview")["what_if"]
    assert found["cannot_be_known"] == {"web": "round_robin"}
    assert found["moved"] == 0
    share = found["shares"]["web/web2"]
    assert (share["before"], share["after"]) == pytest.approx((30 / 32 / 4, 30 / 32 / 3))
    assert found["shares"]["web/web1"]["after"] == 0


def test_exported_traffic_goes_the_same_ways_offline_and_has_no_secrets(
    engine: StartEngine, backends: list[Backend]
) -> None:
    proxy = engine(site(backends))
    send(proxy)
    export = proxy.directory / "traffic"
    assert proxy.run_ctl("decisions", "--export", str(export)).returncode == 0
    assert SECRET not in export.read_text()
    config = proxy.directory / "config.lua"
    told = run_rsp("explain", str(config), "--traffic", str(export), "--json")
    same = json.loads(told.stdout)
    assert (same["recorded"], same["moved"], same["unrouted"], same["errors"]) == (32, 0, 1, 1)
    config.write_text(site(backends, FOLDED))
    live = proxy.ctl("reload", "--preview")["what_if"]
    offline = json.loads(run_rsp("explain", str(config), "--traffic", str(export), "--json").stdout)
    assert moves_of(offline) == moves_of(live)
    assert SECRET not in json.dumps(live)
    text = run_rsp("explain", str(config), "--traffic", str(export)).stdout
    assert "of 32 recorded requests would go elsewhere" in text


SUMS = """
function route(request)
  local sum = 0
  for position = 1, #request.path do
    sum = sum + position * request.path:byte(position)
  end
  if sum == %d then
    return "wed"
  end
  return "web"
end
"""
"""A mistake behind a condition that no text in the file leads to."""


def test_what_only_traffic_leads_to_is_found_with_it(
    engine: StartEngine, backends: list[Backend]
) -> None:
    path = "/orders/7193"
    total = sum(position * ord(letter) for position, letter in enumerate(path, 1))
    proxy = engine(site(backends, SUMS % total, settings=""))
    config, export = proxy.directory / "config.lua", proxy.directory / "traffic"
    assert run_rsp("check", str(config)).returncode == 0
    assert proxy.get(path).status == 502
    assert proxy.run_ctl("decisions", "--export", str(export)).returncode == 0
    checked = run_rsp("check", str(config), "--traffic", str(export), "--json")
    assert checked.returncode == 1
    (finding,) = json.loads(checked.stdout)["findings"]
    assert finding["rule"] == "unknown_pool"
    assert f"{path} gets a 502" in finding["message"]
    nothing = run_rsp("check", str(config), "--traffic", str(config))
    assert nothing.returncode == 2
    assert "not a decision" in nothing.stderr


def test_a_recorded_decision_is_explained_line_by_line(
    engine: StartEngine, backends: list[Backend]
) -> None:
    proxy = engine(site(backends))
    send(proxy)
    seqs = [row["seq"] for row in proxy.ask("decisions")["decisions"]]
    told = proxy.ctl("explain", "--decision", str(seqs[1]))
    assert told["trace"][0]["source"] == "local host = request.raw_host"
    assert told["trace"][0]["locals"]["host"] == '"Site0.Example"'
    assert told["returned"]["key"] == told["key"] == "Site0.Example"
    policy = told["policy"]
    position = int(policy["hash"], 16) % 4
    assert told["backend"] == f"web{position + 1}" == f"web{policy['position'] + 1}"
    assert told["trace_note"] == ""
    failed = proxy.ctl("explain", "--decision", str(seqs[-2]))
    assert failed["error"].endswith("no way")
    assert failed["trace"][-1]["source"] == 'error("no way")'
    hidden = proxy.run_ctl("explain", "--decision", str(seqs[-1]), "--json").stdout
    assert SECRET not in hidden
    refused = proxy.run_ctl("explain", "--decision", "99999")
    assert refused.returncode == 1
    assert "is not kept" in refused.stderr


def test_an_old_decision_is_explained_by_the_text_of_its_time(
    engine: StartEngine, backends: list[Backend]
) -> None:
    proxy = engine(site(backends))
    proxy.get("/", host="Some.Example")
    (proxy.directory / "config.lua").write_text(site(backends, FOLDED))
    proxy.ctl("reload")
    proxy.get("/", host="Some.Example")
    first, second = (row["seq"] for row in proxy.ask("decisions")["decisions"])
    assert proxy.ctl("explain", "--decision", str(first))["returned"]["key"] == "Some.Example"
    assert proxy.ctl("explain", "--decision", str(second))["returned"]["key"] == "some.example"


def test_a_worker_that_stands_still_holds_nobody_up_and_one_that_is_gone_is_told(
    engine: StartEngine, backends: list[Backend]
) -> None:
    proxy = engine(site(backends))
    (worker,) = children(proxy.pid)
    os.kill(worker, signal.SIGSTOP)
    try:
        assert proxy.get("/").status == 200
    finally:
        os.kill(worker, signal.SIGCONT)
    assert proxy.ctl("explain", "GET", "http://a.example/")["trace"]
    os.kill(worker, signal.SIGKILL)
    refused = proxy.run_ctl("explain", "GET", "http://a.example/")
    assert refused.returncode == 1
    assert "cannot be used: it is gone" in refused.stderr
    assert proxy.get("/").status == 200


def test_the_worker_dies_with_the_engine_however_that_dies(
    directory: Path, backends: list[Backend]
) -> None:
    (directory / "config.lua").write_text(site(backends))
    proxy = Engine(directory, str(directory / "config.lua"))
    (worker,) = children(proxy.pid)
    opened = os.listdir(f"/proc/{worker}/fd")
    assert len(opened) <= 4
    proxy.kill()
    wait_until(lambda: not is_running(worker))


def test_the_loop_does_not_wait_for_a_preview_of_thousands(
    engine: StartEngine, backends: list[Backend]
) -> None:
    proxy = engine(site(backends))
    client = proxy.connect()
    for start in range(0, 2_000, 50):
        asked = [request("GET", f"/{n}", host=f"Site{n}.Example") for n in range(start, start + 50)]
        client.send(b"".join(asked))
        for _ in asked:
            client.read_response()
    found = proxy.ask("reload", preview=True)["what_if"]
    assert found["recorded"] == 2_000
    assert proxy.ask("status")["loop_lag_s"] < 0.5


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
