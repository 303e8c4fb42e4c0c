"""Live edits that outlive an engine: kept at once, restored at the start, never at others' cost."""

import json
import signal
import stat
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from rsp.core.lab_limits import EDITS_FILE_BYTES
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.scripted import hold
from tests.behaviour.wire import request

Start = Callable[..., Engine]


@pytest.fixture
def start(closing: ExitStack, directory: Path) -> Start:
    """Starts an engine in one and the same directory, with the same configuration."""

    def start_one(*arguments: str, config: str | None = None, own: str = ".") -> Engine:
        (directory / own).mkdir(exist_ok=True)
        if config is not None:
            (directory / "config.lua").write_text(config)
        words = arguments if "--to" in arguments else (str(directory / "config.lua"), *arguments)
        started = Engine(directory / own, *words)
        closing.callback(end, started)
        return started

    def end(started: Engine) -> None:
        if started.process.returncode is None:
            started.close()

    return start_one


def state_files(directory: Path) -> list[Path]:
    return sorted((directory / "state").rglob("*.json"))


def edit(engine: Engine) -> None:
    engine.ask("backend.set", target="web/web1", weight=3, who="ann")
    engine.ask("backend.add", pool="web", name="web2", address="127.0.0.1:1", max_connections=4)
    engine.ask("backend.set", target="web/web2", state="drain", address="127.0.0.1:2")


def test_edits_outlive_a_sudden_death(start: Start, backend: OpenBackend, directory: Path) -> None:
    site = backend()
    first = start(config=LISTEN + pool(site))
    assert not (directory / "state").exists(), "without an edit there is nothing to keep"
    edit(first)
    first.kill()
    (file,) = state_files(directory)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    second = start()
    assert second.backend("web1")["weight"] == 3
    web2 = second.backend("web2")
    assert (web2["state"], web2["address"], web2["max_connections"]) == ("drain", "127.0.0.1:2", 4)
    assert second.ask("status")["generation"] == 4
    said = second.wait_for_event("restored 3 live edits: web/web1: weight 1 → 3; added web/web2")
    assert said.endswith("`rsp ctl undo` takes the last back")
    assert said in second.log
    rows = second.ask("edits")["edits"]
    assert [row["generation"] for row in rows] == [2, 3, 4]
    assert rows[0]["who"].startswith("ann (uid ")
    second.ask("undo")
    assert second.backend("web2")["state"] == "ready"
    second.close()

    third = start()
    assert third.backend("web2")["address"] == "127.0.0.1:1"
    third.ask("reload", drop_edits=True)
    assert not state_files(directory), "no edit, no file"
    assert third.get().status == 200


def test_what_was_written_back_is_not_kept_besides(
    start: Start, backend: OpenBackend, directory: Path
) -> None:
    first = start(config=LISTEN + pool(backend()))
    edit(first)
    before = first.ask("backends")["pools"]
    first.ask("write-back")
    assert not state_files(directory)
    first.kill()
    second = start()
    after = second.ask("backends")["pools"]
    settings = ("name", "address", "state", "weight", "max_connections")
    for pools in (before, after):
        for row in pools[0]["backends"]:
            for name in list(row):
                if name not in settings:
                    del row[name]
    assert before == after
    assert second.ask("status")["edits"] == 0


def test_an_edit_that_makes_no_sense_any_more_is_said_to_be_dropped(
    start: Start, backend: OpenBackend
) -> None:
    site = backend()
    first = start(config=LISTEN + pool(site))
    edit(first)
    first.kill()
    renamed = LISTEN + pool(site).replace('"web1"', '"other"')
    second = start(config=renamed)
    assert "a live edit is not restored: web/web1: weight 1 → 3 (no backend web/web1" in second.log
    assert "restored 2 live edits" in second.log
    assert second.backend("web2")["state"] == "drain"


FOREIGN = {
    "no text": b"\0\xff garbage",
    "another document": b"{}",
    "a later version": b'{"rsp_edits": 99, "edits": "new"}',
    "a wrong edit": b'{"rsp_edits": 1, "config": null, "edits": [{"at": 1}]}',
    "too long": b'{"rsp_edits": 1, "config": null, "edits": []' + b" " * EDITS_FILE_BYTES + b"}",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_none_of_ours_is_left_alone_and_said(
    kind: str, start: Start, backend: OpenBackend, directory: Path
) -> None:
    file, content = directory / "edits.json", FOREIGN[kind]
    file.write_bytes(content)
    file.chmod(0o600)
    proxy = start("--state", str(file), config=LISTEN + pool(backend()))
    assert "no live edit is restored: " in proxy.log
    assert f"{file.resolve()}: it " in proxy.log
    edit(proxy)
    assert "the live edits are not kept for the next start: " in proxy.log
    assert file.read_bytes() == content
    file.rename(file.with_suffix(".old"))
    proxy.ask("undo")
    assert len(json.loads(file.read_bytes())["edits"]) == 2, "once it is out of the way, they are"


def test_a_file_that_others_may_write_is_not_believed(
    start: Start, backend: OpenBackend, directory: Path
) -> None:
    first = start("--state", str(directory / "edits.json"), config=LISTEN + pool(backend()))
    edit(first)
    first.kill()
    (directory / "edits.json").chmod(0o666)
    second = start("--state", str(directory / "edits.json"))
    assert "it is no file that only you can write" in second.log
    assert second.ask("status")["edits"] == 0


def test_two_engines_do_not_share_a_file(
    start: Start, backend: OpenBackend, directory: Path
) -> None:
    state = ("--state", str(directory / "edits.json"))
    first = start(*state, config=LISTEN + pool(backend()))
    edit(first)
    kept = (directory / "edits.json").read_bytes()
    second = start(*state, own="second")
    assert "another engine has it" in second.log
    second.ask("backend.set", target="web/web1", weight=9)
    assert second.backend("web1")["weight"] == 9
    assert "the live edits are not kept for the next start: " in second.log
    assert (directory / "edits.json").read_bytes() == kept


def test_the_next_engine_has_them_while_the_last_sessions_of_this_one_end(
    start: Start, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    first = start(config=LISTEN + pool(site))
    first.ask("backend.set", target="web/web1", weight=3)
    client = first.connect()
    client.send(request())
    site.wait_for_requests(1)
    first.signal(signal.SIGTERM)
    first.wait_for_event("Stopping: 1 session")
    second = start("--state", str(state_files(first.directory)[0]), own="second")
    assert second.backend("web1")["weight"] == 3
    release.set()
    assert client.read_response().body == b"held"


def test_none_keeps_nothing(start: Start, backend: OpenBackend, directory: Path) -> None:
    site = backend()
    for words in (("--state", "none"), ("--to", site.url, "--listen", "127.0.0.1:0")):
        proxy = start(*words, config=LISTEN + pool(site))
        name = proxy.ask("backends")["pools"][0]
        target = f"{name['name']}/{name['backends'][0]['name']}"
        assert len(proxy.ask("backend.set", target=target, weight=3)["changed"]) == 1
        proxy.close()
    assert not (directory / "state").exists()


def test_a_place_that_cannot_be_written_does_not_stop_an_edit(
    start: Start, backend: OpenBackend, directory: Path
) -> None:
    (directory / "file").write_text("no directory")
    proxy = start(
        "--state", str(directory / "file" / "edits.json"), config=LISTEN + pool(backend())
    )
    edit(proxy)
    assert proxy.backend("web1")["weight"] == 3
    assert "the live edits are not kept for the next start: " in proxy.log


def test_whoever_changes_something_is_told_that_it_is_not_kept(
    start: Start, backend: OpenBackend, directory: Path
) -> None:
    file = directory / "edits.json"
    file.write_bytes(b"{}")
    proxy = start("--state", str(file), config=LISTEN + pool(backend()))
    words = ("backend", "set", "web/web1", "--weight", "3")
    (previewed,) = proxy.ctl(*words, "--preview")["changed"]
    what, unkept = proxy.ctl(*words)["changed"]
    assert what == previewed == "web/web1: weight 1 → 3"
    assert unkept.startswith(f"the live edits are not kept for the next start: {file.resolve()}: ")
    assert unkept in proxy.ctl("backend", "remove", "web/web1", "--when-idle")["changed"]
    file.unlink()
    (undone,) = proxy.ctl("undo")["changed"]
    assert undone.startswith("undid: ")


def test_a_directory_is_no_state_file(directory: Path) -> None:
    (directory / "config.lua").write_text(LISTEN + pool("127.0.0.1:1"))
    done = run_rsp("serve", str(directory / "config.lua"), "--state", ".")
    assert done.returncode == 2
    assert "is a directory" in done.stderr
