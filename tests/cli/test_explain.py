"""`rsp explain`: where a request would go, as text and as JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsp.cli.explain import command

SAMPLES = Path(__file__).parent.parent.parent / "sample_configs"
RELOAD = str(SAMPLES / "platform.lua")
DRAIN = str(SAMPLES / "weighted_drain.lua")


def test_the_answer_has_everything_that_decided() -> None:
    url = "http://www.example.com/user/IronHand/webapps/IronHand.on.example/reload"
    result = CliRunner().invoke(command, [RELOAD, "POST", url, "--json"])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert {"pool", "backend", "key", "reason", "generation", "candidates"} <= set(answer)
    assert (answer["pool"], answer["backend"], answer["generation"]) == ("apps", "apps2", 1)
    assert answer["key"] == "ironhand.on.example"
    assert answer["reason"] == "reload URL: the domain in the path decides"
    verdicts = {row["name"]: row["verdict"] for row in answer["candidates"]}
    assert verdicts["apps2"] == "chosen"
    assert list(verdicts) == [f"apps{number}" for number in range(1, 10)]


def test_two_spellings_of_a_host_get_one_answer() -> None:
    answers = [
        json.loads(CliRunner().invoke(command, [RELOAD, "GET", url, "--json"]).stdout)
        for url in ("http://IronHand.on.example/", "http://ironhand.on.example/")
    ]
    assert answers[0] == answers[1]


def test_the_text_names_target_reason_key_and_candidates() -> None:
    result = CliRunner().invoke(command, [RELOAD, "GET", "http://ironhand.on.example/"])
    lines = result.stdout.splitlines()
    assert lines[:6] == [
        "GET http://ironhand.on.example/ -> apps/apps2",
        "  reason      host decides",
        "  key         ironhand.on.example",
        "  candidates  apps1  weight 1  not picked",
        "              apps2  weight 1  chosen",
        "              apps3  weight 1  not picked",
    ]
    assert lines[12] == "  policy: hash_mod: the hash of the key modulo 9 is 1: apps2"


def test_the_text_shows_the_lines_that_ran_and_what_they_set() -> None:
    url = "http://www.example.com/user/fred/webapps/IronHand.on.example/reload"
    shown = CliRunner().invoke(command, [RELOAD, "POST", url]).stdout
    ran = shown[shown.index("lines that ran") :]
    assert 'domain = "IronHand.on.example"' in ran
    assert "returned: apps, key ironhand.on.example" in ran


def test_a_refusal_is_an_answer_too() -> None:
    arguments = [DRAIN, "GET", "http://a.test/", "-H", "X-Try: old2"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "GET http://a.test/ -> nowhere\n"
        "  error       backend web/old2, named by route, is in maintenance\n"
    )
    answer = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert (answer["pool"], answer["backend"]) == ("web", None)
    assert "in maintenance" in answer["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere.lua", "GET", "http://a.test/"], "cannot open /nowhere.lua"),
        ([RELOAD, "G T", "http://a.test/"], '"G T" is no method'),
        ([RELOAD, "GET", "ftp://a.test/"], "ftp is not known"),
        ([RELOAD, "GET", "http://a.test/", "-H", "x\x1b"], '"x␛" is no header field'),
    ],
)
def test_what_cannot_be_explained_leaves_stdout_empty(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(command, [*arguments, "--json"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
