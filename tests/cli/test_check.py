"""`rsp check`: what it finds, how it says so, and the exit status that scripts rely on."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rsp.cli.check import command

BEGINNING = 'listen { address = "127.0.0.1:8080" }\n'
WEB = 'pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })\n'
HASHED = WEB.replace("backends", 'balance = "hash", backends', 1)


def run(tmp_path: Path, source: str, *options: str) -> Result:
    path = tmp_path / "site.lua"
    path.write_text(source)
    return CliRunner().invoke(command, [str(path), *options])


def findings_of(tmp_path: Path, source: str) -> list[dict[str, Any]]:
    result = run(tmp_path, source, "--json")
    assert result.stdout.count("\n") == 1
    report = json.loads(result.stdout)
    assert list(report) == ["file", "findings"]
    assert report["file"] == str(tmp_path / "site.lua")
    findings: list[dict[str, Any]] = report["findings"]
    return findings


def test_a_clean_file_is_clean(tmp_path: Path) -> None:
    source = f"-- expect: GET http://a.test/ -> web\n{BEGINNING}{WEB}"
    assert findings_of(tmp_path, source) == []
    result = run(tmp_path, source)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{tmp_path}/site.lua: nothing to complain about\n",
    )


FINDINGS = {
    "no_listener": (WEB, "warning", None, "there is no listener"),
    "empty_pool": (f'{BEGINNING}pool("web", {{}})', "warning", 2, 'pool "web" has no backend'),
    "weight_zero_pool": (
        BEGINNING + 'pool("w", { backends = { { name = "a", address = "a:1", weight = 0 } } })',
        "warning",
        2,
        "has weight 0",
    ),
    "expectation": (
        f"{BEGINNING}{WEB}-- expect: GET http://a.test/ -> api",
        "error",
        3,
        "expected GET http://a.test/ -> api, but it was web/web1 (first pool: no route function)",
    ),
    "unknown_pool": (
        f"{BEGINNING}{WEB}function route() return 'wed' end\n",
        "error",
        3,
        'route named pool "wed", which is not there; there is only web',
    ),
    "case_sensitive_key": (
        f"{BEGINNING}{HASHED}function route(r) return 'web', {{ key = r.raw_host }} end\n"
        "-- expect: GET http://a.test/ -> web",
        "warning",
        3,
        'GET http://a.test/ goes to web with the key "a.test", and GET http://A.Test/ goes to web '
        'with the key "A.Test", though both mean the same; use request.host',
    ),
}


@pytest.mark.parametrize("rule", FINDINGS)
def test_what_is_suspect_is_found(tmp_path: Path, rule: str) -> None:
    source, severity, line, message = FINDINGS[rule]
    finding = findings_of(tmp_path, source)[0]
    assert (finding["rule"], finding["severity"], finding["line"]) == (rule, severity, line)
    assert message in finding["message"]
    result = run(tmp_path, source)
    assert result.exit_code == 1
    place = f"{tmp_path}/site.lua" + (f":{line}" if line else "")
    assert f"{place}: {severity}: {finding['message']} [{rule}]\n" in result.stdout


def test_advice_does_not_change_the_exit_status(tmp_path: Path) -> None:
    source = BEGINNING + WEB.replace("backends", 'balance = "hash_mod", backends')
    (finding,) = findings_of(tmp_path, source)
    assert (finding["rule"], finding["severity"], finding["line"]) == ("modulo_hash", "advice", 2)
    assert run(tmp_path, source).exit_code == 0


def test_an_expected_mistake_is_no_finding(tmp_path: Path) -> None:
    source = (
        f"{BEGINNING}{WEB}function route() return 'wed' end\n"
        '-- expect: GET http://a.test/ -> 502 (route named pool "wed")'
    )
    assert findings_of(tmp_path, source) == []


def test_a_route_that_fails_is_not_a_name_that_is_unknown(tmp_path: Path) -> None:
    source = f"{BEGINNING}{WEB}function route() return 1 end\n-- expect: GET http://a.test/ -> web"
    missed, fails = findings_of(tmp_path, source)
    assert (missed["rule"], fails["rule"]) == ("expectation", "route_fails")
    for finding in (missed, fails):
        assert "site.lua:3: route returned a number (1)" in finding["message"]


@pytest.mark.parametrize("line", ["GET", "CONNECT tcp://127.0.0.1:1 -> web"])
def test_an_expectation_that_makes_no_sense_is_a_finding(tmp_path: Path, line: str) -> None:
    (finding,) = findings_of(tmp_path, f"{BEGINNING}{WEB}-- expect: {line}")
    assert (finding["rule"], finding["line"]) == ("expectation", 3)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("x = = 1", 1, "unexpected symbol near '='"),
        ("", None, "listenPort must be a string"),
        ("\nlisten {}", 2, "address is missing"),
    ],
)
def test_a_broken_file_has_a_status_of_its_own(
    tmp_path: Path, source: str, line: int | None, message: str
) -> None:
    (finding,) = findings_of(tmp_path, source)
    assert (finding["rule"], finding["severity"], finding["line"]) == ("broken", "error", line)
    assert message in finding["message"]
    result = run(tmp_path, source)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert run(tmp_path, source, "--json").exit_code == 2


def test_a_file_that_is_not_there_is_broken() -> None:
    result = CliRunner().invoke(command, ["/nowhere/at/all.lua"])
    assert result.exit_code == 2
    assert "cannot open /nowhere/at/all.lua: No such file or directory" in result.stderr


def test_what_a_file_says_cannot_command_the_terminal(tmp_path: Path) -> None:
    result = run(tmp_path, f'{BEGINNING}error("\\27[2J")')
    assert "\x1b" not in result.stderr
    assert "␛[2J" in result.stderr
