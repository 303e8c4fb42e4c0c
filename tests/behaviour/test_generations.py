"""Undo and redo of edits and reloads, the history of both, and what a generation is good for."""

import re
from typing import Any

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import accepts, free_port
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import listen_at
from tests.behaviour.test_reload import write
from tests.behaviour.wire import request


def route(reason: str) -> str:
    return f'function route(request) return "web", {{ reason = "{reason}" }} end\n'


def reason_of_next(proxy: Engine) -> str:
    proxy.get()
    return str(proxy.ask("decisions", limit=1)["decisions"][0]["reason"])


def pools(proxy: Engine) -> list[Row]:
    """Return every pool as an operator would compare it: without what is counted."""
    kept = ("name", "address", "state", "weight", "max_connections", "edited")
    return [
        {"name": row["name"], "backends": [{k: one[k] for k in kept} for one in row["backends"]]}
        for row in proxy.ask("backends")["pools"]
    ]


def test_the_undo_of_a_reload_brings_back_all_that_was_in_force(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    first = LISTEN + pool(site) + route("the old text") + "limits { request_line_bytes = 1000 }\n"
    proxy = engine(first)
    second = 'listen { address = "127.0.0.2:0" }\n' + pool(site, site) + route("the new text")
    path = write(proxy, LISTEN + second)
    proxy.ctl("reload")
    assert reason_of_next(proxy) == "the new text"

    said = proxy.ctl("undo")
    assert said["changed"][0] == f"undid: reloaded {path}"
    assert "the file still says what it said" in said["changed"][-1]
    assert (proxy.directory / "config.lua").read_text() == LISTEN + second
    assert reason_of_next(proxy) == "the old text"
    assert [len(row["backends"]) for row in pools(proxy)] == [1]
    assert proxy.connect().ask(request(path="/" + "x" * 2000)).status == 414, "the old limit"
    status = proxy.ask("status")
    assert (status["generation"], len(status["listeners"])) == (3, 1)
    assert status["config_changed"], "the file is not what runs"

    said = proxy.ctl("redo")
    assert said["changed"][0] == f"redid: reloaded {path}"
    assert reason_of_next(proxy) == "the new text"
    assert proxy.connect().ask(request(path="/" + "x" * 2000)).status == 200
    status = proxy.ask("status")
    assert (len(status["listeners"]), status["config_changed"]) == (2, False)


def test_a_listener_that_a_reload_closed_is_open_again_after_the_undo(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    write(proxy, 'listen { address = "127.0.0.2:0" }\n' + pool(site))
    proxy.ctl("reload")
    assert not accepts(proxy.port)
    proxy.ctl("undo")
    (row,) = proxy.ask("status")["listeners"]
    assert row["address"].startswith("127.0.0.1:")
    assert proxy.connect(int(row["address"].rpartition(":")[2])).get().status == 200


def test_edits_and_reloads_undone_give_back_the_first_table_and_redone_the_last(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = [backend() for _ in range(3)]
    proxy = engine(LISTEN + pool(*sites[:2]))
    tables = [pools(proxy)]
    texts = iter((LISTEN + pool(*sites), LISTEN + pool(sites[0]), LISTEN + pool(*sites[:2])))
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("backend.set", {"target": "web/web1", "weight": 7}),
        ("reload", {}),
        ("backend.set", {"target": "web/web3", "state": "drain"}),
        ("reload", {}),
        ("backend.add", {"pool": "web", "name": "extra", "address": sites[1].address}),
        ("reload", {"drop_edits": True}),
    )
    for method, params in changes:
        if method == "reload":
            write(proxy, next(texts))
        proxy.ask(method, **params)
        tables.append(pools(proxy))
    for table in reversed(tables[:-1]):
        proxy.ask("undo")
        assert pools(proxy) == table
    assert "nothing to undo" in proxy.run_ctl("undo").stderr
    for table in tables[1:]:
        proxy.ask("redo")
        assert pools(proxy) == table
    assert proxy.ask("status")["generation"] == 1 + 3 * len(changes)


def test_what_cannot_be_built_any_more_is_not_undone_and_nothing_is_changed(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site, port = backend(), free_port()
    proxy = engine(LISTEN + f'listen {{ address = "127.0.0.1:{port}" }}\n' + pool(site))
    write(proxy, LISTEN + pool(site))
    proxy.ctl("reload")
    with listen_at("127.0.0.1", port):
        done = proxy.run_ctl("undo")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use" in done.stderr
    assert "nothing was changed" in done.stderr
    assert proxy.ask("status")["generation"] == 2
    assert proxy.get().status == 200
    assert proxy.ctl("undo")["generation"] == 3
    assert accepts(port)


def test_the_history_says_who_did_what_when_and_how(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ask("backend.set", target="web/web1", weight=4, who="ann")
    proxy.ask("undo", who="bob")
    proxy.ask("redo", who="bob")
    path = write(proxy, LISTEN + pool(backend()))
    proxy.ask("reload", who="cyd")
    edits = proxy.ctl("edits")
    assert edits["next_undo"] == f"reloaded {path}"
    shown = edits["history"]
    assert [(row["generation"], row["kind"], row["who"].split()[0]) for row in shown] == [
        (1, "start", "rsp"),
        (2, "edit", "ann"),
        (3, "undo", "bob"),
        (4, "redo", "bob"),
        (5, "reload", "cyd"),
    ]
    assert [row["what"] for row in shown][1:] == [
        "web/web1: weight 1 → 4",
        "undid: web/web1: weight 1 → 4",
        "redid: web/web1: weight 1 → 4",
        f"reloaded {path}",
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", row["at"]) for row in shown)
    printed = proxy.run_ctl("edits").stdout
    assert re.search(r"3 .* undo +undid: web/web1: weight 1 → 4", printed)


def test_who_saw_an_old_generation_is_told_of_all_that_changed_since(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ask("backend.set", target="web/web1", weight=4, who="ann")
    proxy.ask("backend.set", target="web/web1", state="drain", who="bob")
    proxy.ask("undo", who="cyd")
    for words in (
        ("undo",),
        ("redo",),
        ("reload",),
        ("confirm",),
        ("backend", "remove", "web/web1"),
    ):
        done = proxy.run_ctl(*words, "--if-generation", "1")
        assert done.returncode == 1, words
        said = done.stderr
        assert "the generation is 4, not 1" in said
        assert re.search(r"generation 2, .*weight 1 → 4, by ann .*; generation 3, .*, by bob", said)
        assert "generation 4, undid: web/web1: state ready → drain, by cyd" in said
    assert proxy.ask("status")["generation"] == 4


def test_connections_and_decisions_can_be_asked_for_by_generation(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    old, new = proxy.connect(), proxy.connect()
    old.get("/old")
    proxy.ctl("backend", "set", "web/web1", "--weight", "2")
    new.get("/new")
    rows = proxy.ctl("connections", "--filter", "generation<2")["connections"]
    assert [row["client"]["address"] for row in rows] == [f"127.0.0.1:{old.port}"]
    for expression, paths in (("generation<2", ["/old"]), ("generation>1", ["/new"])):
        rows = proxy.ctl("decisions", "--filter", expression)["decisions"]
        assert [row["path"] for row in rows] == paths
    old.get("/again")
    assert proxy.ctl("decisions", "--filter", "path~/again", "--limit", "1")["decisions"]
    assert proxy.ctl("connections", "--filter", "generation<2")["connections"] == []
    assert proxy.run_ctl("decisions", "--filter", "generatoin<2").returncode == 1
