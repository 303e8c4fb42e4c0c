"""Decisions without traffic: the same ones that an idle engine makes."""

import pytest

from rsp.core.expectations import ExpectationError, asked_for
from rsp.engine.lua_config import LoadedConfig, config_for_url, load_source
from rsp.engine.rehearsal import explanation, rehearse

POOLS = """
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
pool("db", { backends = { { name = "db1", address = "127.0.0.1:5432" } } })
"""
ASKED = asked_for("GET", "http://a.test/")


def _load(source: str) -> LoadedConfig:
    return load_source((POOLS + source).encode(), "site.lua")


def test_without_a_route_the_first_pool_gets_it() -> None:
    decision = rehearse(_load(""), ASKED)
    assert decision.backend is not None
    assert (decision.backend.key, decision.reason) == (
        "web/web1",
        "first pool: no route function",
    )


def test_a_listener_that_names_its_pool_decides() -> None:
    loaded = _load('listen { address = "127.0.0.1:80", pool = "db" }')
    answer = explanation(rehearse(loaded, ASKED))
    assert (answer.pool, answer.backend, answer.generation) == ("db", "db1", 1)
    assert answer.reason == "the listener names pool db"


def test_a_tcp_listener_does_not_ask_route() -> None:
    loaded = _load(
        'listen { address = "127.0.0.1:81", mode = "tcp" }\nfunction route() error("asked") end'
    )
    decision = rehearse(loaded, asked_for("CONNECT", "tcp://127.0.0.1:81"))
    assert decision.backend is not None
    assert decision.backend.key == "web/web1"
    with pytest.raises(ExpectationError, match=r"no tcp listener.*there is 127\.0\.0\.1:81"):
        rehearse(loaded, asked_for("CONNECT", "tcp://127.0.0.1:82"))


def test_a_route_that_fails_and_a_name_that_is_unknown_are_told_apart() -> None:
    failed = rehearse(_load('function route() error("no") end'), ASKED)
    unknown = rehearse(_load('function route() return "wed" end'), ASKED)
    assert (failed.status, unknown.status) == (502, 502)
    assert explanation(failed).error == "site.lua:4: no"
    assert explanation(unknown).candidates == []


def test_a_url_can_be_rehearsed_too() -> None:
    decision = rehearse(LoadedConfig(config_for_url("http://a.test:81"), None), ASKED)
    assert decision.backend is not None
    assert decision.backend.address == "a.test:81"
