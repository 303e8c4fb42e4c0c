"""Parameters of commands: read strictly, with their defaults."""

from typing import Any

import pytest

from rsp.core.params import (
    BackendAddParams,
    BackendSetParams,
    ConnectionsParams,
    DecisionsParams,
    EditParams,
    EventsParams,
    ExplainParams,
    OldSessionsParams,
    Params,
    StopParams,
    read_params,
)
from rsp.core.trial import Terms
from rsp.core.wire import INVALID_PARAMS, CommandRefused


def test_what_is_left_out_has_its_default() -> None:
    assert read_params(EventsParams, {}) == EventsParams(since=0, limit=None, wait_s=0.0)
    assert read_params(ConnectionsParams, {}).visible == []
    added = read_params(BackendAddParams, {"pool": "web", "name": "a", "address": "h:1"})
    assert (added.weight, added.max_connections, added.preview, added.if_generation) == (
        1,
        0,
        False,
        None,
    )


def test_defaults_are_not_shared() -> None:
    read_params(ConnectionsParams, {}).visible.append(1)
    assert read_params(ConnectionsParams, {}).visible == []


def test_what_is_given_is_read() -> None:
    read = read_params(BackendSetParams, {"target": "web/a", "weight": 0, "if_generation": 7})
    assert (read.target, read.weight, read.state, read.if_generation) == ("web/a", 0, None, 7)
    assert read_params(StopParams, {"drain": 2}).drain == 2.0


@pytest.mark.parametrize(
    ("kind", "params", "names"),
    [
        (Params, {"limit": 1}, "limit"),
        (EventsParams, {"wait": 1}, "wait"),
        (BackendSetParams, {"weight": 2}, "target"),
        (BackendSetParams, {"target": "web/a", "weight": "2"}, "weight"),
        (BackendSetParams, {"target": "web/a", "weight": 1.5}, "weight"),
        (BackendSetParams, {"target": "web/a", "weight": True}, "weight"),
        (BackendSetParams, {"target": None}, "target"),
        (ConnectionsParams, {"visible": ["1"]}, "visible"),
        (ExplainParams, {"method": "GET", "url": "/", "header": "A: b"}, "header"),
        (EventsParams, {"since": None}, "since"),
        (EventsParams, {"wait_s": []}, "wait_s"),
        (EditParams, {"who": "x" * 256}, "Expected `str` of length <= 255 .*who"),
        (EditParams, {"if_generation": 0}, "Expected `int` >= 1 .*if_generation"),
        (OldSessionsParams, {"before": -1}, "Expected `int` >= 1 .*before"),
        (EventsParams, {"since": -1}, "Expected `int` >= 0 .*since"),
        (DecisionsParams, {"limit": -(2**63)}, "Expected `int` >= 0 .*limit"),
    ],
)
def test_what_is_wrong_is_named(kind: type[Params], params: dict[str, Any], names: str) -> None:
    with pytest.raises(CommandRefused, match=f"^wrong parameters: .*{names}") as refused:
        read_params(kind, params)
    assert refused.value.code == INVALID_PARAMS


@pytest.mark.parametrize("confirm_s", [-1.0, 0.0, 0.0001, 0.99, 86_401.0])
def test_a_trial_is_neither_too_short_nor_too_long(confirm_s: float) -> None:
    assert BackendSetParams(target="web/a", confirm=1.0).terms() == Terms(1.0)
    with pytest.raises(CommandRefused, match="confirm takes 1 to 86,400 seconds"):
        BackendSetParams(target="web/a", confirm=confirm_s).terms()
