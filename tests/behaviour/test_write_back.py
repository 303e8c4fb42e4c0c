"""Live edits written into the configuration file of a running engine."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from rsp.cli.failure import Failure
from tests.behaviour.configs import LISTEN, original, pool
from tests.behaviour.conftest import OpenBackend, StartEngine, StartTraffic
from tests.behaviour.running import Engine


def file_of(engine: Engine) -> Path:
    return Path(engine.ask("status")["config"])


def test_expectations_that_no_longer_hold_are_named_before_and_after(
    engine: StartEngine, backend: OpenBackend
) -> None:
    lines = (
        "-- expect: GET http://a.test/ -> web/web1\n"
        "-- expect: GET http://b.test/ -> web\n"
        "-- expect: GET http://c.test/ -> elsewhere\n"
    )
    proxy = engine(lines + LISTEN + pool(backend(), backend(), settings='balance = "first",'))
    proxy.ask("backend.set", target="web/web1", state="drain")
    said = "line 1: expected GET http://a.test/ -> web/web1, but "
    for words in (["--preview"], []):
        (missed,) = proxy.ctl("write-back", *words)["missed"]
        assert missed.startswith(said), "the third line did not hold before"
        assert "web/web2" in missed
    proxy.ask("backend.set", target="web/web1", weight=3)
    assert proxy.ask("write-back")["missed"] == [], "the first line did not hold before"


def test_edits_go_into_the_file_and_are_no_edits_any_more(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    first, second, third = (backend() for _ in range(3))
    proxy = engine(LISTEN + pool(first, second))
    file, old = file_of(proxy), file_of(proxy).read_text()
    flowing = traffic(proxy)
    proxy.ask("backend.set", target="web/web1", weight=3)
    proxy.ask("backend.remove", target="web/web2")
    proxy.ask("backend.add", pool="web", name="web3", address=third.address)
    proxy.ask("backend.add", pool="web", name="web4", address=third.address)
    proxy.ask("undo")

    shown = proxy.ctl("write-back", "--preview")
    assert (shown["written"], shown["backup"], shown["generation"]) == (False, None, 6)
    assert file.read_text() == old
    said = proxy.run_ctl("write-back").stdout
    new = file.read_text()
    assert new == old.replace(f'"{first.address}"', f'"{first.address}", weight = 3').replace(
        f'    {{ name = "web2", address = "{second.address}" }},\n',
        f'    {{ name = "web3", address = "{third.address}" }},\n',
    )
    backup = Path(f"{file}.bak-6")
    assert backup.read_text() == old
    assert said == f"{shown['diff']}written; the old text is in {backup.resolve()}\n"
    lines = shown["diff"].splitlines()
    assert lines[:2] == [f"--- {file}", f"+++ {file}"]
    changed = [line for line in lines[2:] if line[0] in "+-"]
    assert [line[0] for line in changed] == ["-", "-", "+", "+"]
    assert all((old if line[0] == "-" else new).count(f"{line[1:]}\n") == 1 for line in changed)
    assert shown["changed"] == [
        "web/web1: weight 1 → 3",
        f"added web/web3 ({third.address}, weight 1)",
        f"removed web/web2 ({second.address})",
    ]

    status = proxy.ask("status")
    assert (status["generation"], status["edits"], status["config_changed"]) == (7, 0, False)
    assert proxy.ask("config")["running"] == new
    proxy.wait_for_event("generation 7: wrote the live edits to ")
    assert proxy.ask("reload", preview=True)["changed"] == []
    with pytest.raises(Failure, match="nothing to write"):
        proxy.ask("write-back")
    flowing.let_pass()
    assert third.requests


def test_what_was_written_can_be_undone_in_force_and_not_in_the_file(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    file = file_of(proxy)
    proxy.ask("backend.add", pool="web", name="web2", address=backend().address)
    proxy.ask("backend.add", pool="web", name="web3", address=backend().address)
    proxy.ask("undo")
    proxy.ask("write-back")
    new = file.read_text()
    taken_back = proxy.ask("undo")["changed"]
    assert taken_back[-1].startswith(f"{file} was not touched")
    names = [row["name"] for row in proxy.ask("backends")["pools"][0]["backends"]]
    assert (file.read_text(), names) == (new, ["web1"])
    proxy.ask("redo")
    proxy.ask("redo")
    assert proxy.backend("web3")["edited"]
    assert proxy.ask("reload", drop_edits=True)["kept_edits"] == []
    assert proxy.ask("config")["running"] == new
    assert proxy.backend("web2")["address"]


def test_no_session_and_no_connection_notices(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    client.get()
    proxy.ask("backend.set", target="web/web1", weight=3)
    proxy.ask("write-back")
    client.get()
    assert len(site.wires) == 1, "the idle connection to the backend was kept"
    assert proxy.ask("decisions", limit=1)["decisions"][0]["generation"] == 3


def test_a_file_that_was_changed_meanwhile_is_left_alone(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    file = file_of(proxy)
    proxy.ask("backend.set", target="web/web1", weight=3)
    theirs = file.read_text() + "-- another hand\n"
    file.write_text(theirs)
    with pytest.raises(Failure, match=rf"{file.resolve()} was changed since it was loaded"):
        proxy.ask("write-back")
    assert file.read_text() == theirs
    assert named_like(file) == [file.name], "neither a backup nor anything else is left"
    proxy.ask("reload")
    assert proxy.ask("write-back")["written"]
    assert file.read_text().replace(", weight = 3", "") == theirs


def named_like(file: Path) -> list[str]:
    return [name for name in os.listdir(file.parent) if file.name in name]


def test_who_saw_another_generation_is_refused(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    old = file_of(proxy).read_text()
    proxy.ask("backend.set", target="web/web1", weight=3)
    with pytest.raises(Failure, match="the generation is 2, not 1"):
        proxy.ask("write-back", if_generation=1)
    assert file_of(proxy).read_text() == old
    assert proxy.ask("write-back", if_generation=2)["written"]


def test_a_file_that_computes_its_backends_is_refused_with_a_snippet(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    config = LISTEN + f'local list = {{ {{ name = "web1", address = "{site.address}" }} }}\n'
    proxy = engine(config + 'pool("web", { backends = list })\n')
    proxy.ask("backend.set", target="web/web1", weight=3)
    done = proxy.run_ctl("write-back")
    assert done.returncode == 1
    assert f'{file_of(proxy)}:3: pool "web" cannot be written back' in done.stderr
    assert f'{{ name = "web1", address = "{site.address}", weight = 3 }}' in done.stderr
    assert proxy.ask("status")["edits"] == 1
    assert named_like(file_of(proxy)) == ["config.lua"]


def test_a_text_that_would_not_say_what_runs_is_not_written(
    engine: StartEngine, backend: OpenBackend
) -> None:
    config = LISTEN + pool(backend()).replace('pool("web"', 'declare("web"')
    head = "function declare(name, t) pool(name, t) end\n"
    trick = 'if false then pool("web", { backends = { { name = "web1", address = "a:1" } } }) end\n'
    proxy = engine(head + trick + config)
    old = file_of(proxy).read_text()
    proxy.ask("backend.set", target="web/web1", weight=3)
    with pytest.raises(Failure, match="would not say what is in force"):
        proxy.ask("write-back")
    assert file_of(proxy).read_text() == old


def test_a_link_stays_one_and_mode_and_backups_are_kept(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    link = file_of(proxy)
    real = proxy.directory / "elsewhere" / "real.lua"
    real.parent.mkdir()
    link.rename(real)
    link.symlink_to(real)
    real.chmod(0o640)
    taken = real.with_name("real.lua.bak-2")
    taken.write_text("somebody's")
    proxy.ask("backend.set", target="web/web1", weight=3)
    answer = proxy.ask("write-back")
    assert link.is_symlink()
    assert "weight = 3" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert taken.read_text() == "somebody's"
    assert answer["backup"] == f"{real.resolve()}.bak-2.2"
    assert stat.S_IMODE(Path(answer["backup"]).stat().st_mode) == 0o640


def test_the_original_form_is_written(engine: StartEngine, backend: OpenBackend) -> None:
    old, new = backend(), backend()
    proxy = engine(original(old.port))
    proxy.ask("backend.set", target="default/default", address=new.address)
    proxy.ask("write-back")
    assert file_of(proxy).read_text() == original(new.port)
    assert proxy.get().status == 200


def test_without_a_file_there_is_nothing_to_write_to(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(to=backend())
    proxy.ask("backend.set", target="default/default", weight=3)
    with pytest.raises(Failure, match="no configuration file"):
        proxy.ask("write-back")


def test_bytes_that_are_no_text_and_a_last_line_without_an_end_stay(
    closing: ExitStack, backend: OpenBackend, directory: Path
) -> None:
    file = directory / "config.lua"
    old = (LISTEN + pool(backend())).encode() + b"-- \xff\xfe\x0c"
    file.write_bytes(old)
    proxy = Engine(directory, str(file))
    closing.callback(proxy.close)
    proxy.ask("backend.set", target="web/web1", weight=3)
    diff = proxy.ask("write-back")["diff"]
    assert file.read_bytes() == old.replace(b'" },', b'", weight = 3 },')
    assert diff.endswith(" -- ��\x0c\n\\ No newline at end of file\n")


def test_a_backend_that_came_again_is_written_behind_the_others(
    engine: StartEngine, backend: OpenBackend
) -> None:
    first, second = backend(), backend()
    proxy = engine(LISTEN + pool(first, second))
    proxy.ask("backend.remove", target="web/web1")
    proxy.ask("backend.add", pool="web", name="web1", address=first.address)
    answer = proxy.ask("write-back")
    assert answer["changed"] == [
        f"removed web/web1 ({first.address})",
        f"added web/web1 ({first.address}, weight 1)",
    ]
    text = file_of(proxy).read_text()
    assert text.index("web2") < text.index("web1")
    assert proxy.ask("reload")["changed"] == []
