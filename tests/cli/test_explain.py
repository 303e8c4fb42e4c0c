"""`rsp explain`: where a request would go, as text and as JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsp.cli.explain import command

SAMPLES = Path(__file__).parent.parent.parent / "sample_configs"
RELOAD = str(SAMPLES / "reload_url.lua")
DRAIN = str(SAMPLES / "weighted_drain.lua")


def test_the_answer_has_everything_that_decided() -> None:
    url = "http://www.example.com/user/IronHand/webapps/IronHand.example/reload"
    result = CliRunner().invoke(command, [RELOAD, "POST", url, "--json"])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert {"pool", "backend", "key", "reason", "generation", "candidates"} <= set(answer)
    assert (answer["pool"], answer["backend"], answer["generation"]) == ("apps", "apps1", 1)
    assert answer["key"] == "ironhand.example"
    assert answer["reason"] == "reload URL: the domain in the path decides"
    verdicts = {row["name"]: row["verdict"] for row in answer["candidates"]}
    assert verdicts["apps1"] == "chosen"
    assert list(verdicts) == ["apps1", "apps2", "apps3", "apps4"]


def test_two_spellings_of_a_host_get_one_answer() -> None:
    answers = [
        json.loads(CliRunner().invoke(command, [RELOAD, "GET", url, "--json"]).stdout)
        for url in ("http://IronHand.example/", "http://ironhand.example/")
    ]
    assert answers[0] == answers[1]


def test_the_text_names_target_reason_key_and_candidates() -> None:
    result = CliRunner().invoke(command, [RELOAD, "GET", "http://ironhand.example/"])
    assert result.stdout.splitlines()[:8] == [
        "GET http://ironhand.example/ -> apps/apps1",
        "  reason      host decides",
        "  key         ironhand.example",
        "  candidates  apps1  weight 1  chosen",
        "              apps2  weight 1  not picked",
        "              apps3  weight 1  not picked",
        "              apps4  weight 1  not picked",
        "  policy: hash: each backend has a score for the key, and the highest wins: apps1",
    ]


def test_the_text_shows_the_lines_that_ran_and_what_they_set() -> None:
    url = "http://www.example.com/user/fred/webapps/IronHand.example/reload"
    shown = CliRunner().invoke(command, [RELOAD, "POST", url]).stdout
    ran = shown[shown.index("lines that ran") :]
    assert 'domain = "IronHand.example"' in ran
    assert "returned: apps, key ironhand.example" in ran


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
