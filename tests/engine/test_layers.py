"""Layers over a connection: any order makes the same class, and off again it is as before."""

from itertools import permutations

import pytest

from rsp.engine.connection import Connection
from rsp.engine.lab.connection import TamperedConnection
from rsp.engine.lab.stoppable import StoppableConnection
from rsp.engine.layers import Layer, put_on, take_off
from tests.engine.fakes import fake_connection

LAYERS: tuple[type[Connection], ...] = (TamperedConnection, StoppableConnection)


@pytest.mark.parametrize("order", permutations(LAYERS))
@pytest.mark.parametrize("back", permutations(LAYERS))
def test_layers_are_put_on_and_taken_off_in_any_order(
    order: tuple[type[Connection], ...], back: tuple[type[Connection], ...]
) -> None:
    connection, *_ = fake_connection()
    for layer in (*order, *order):
        put_on(connection, layer)
        assert isinstance(connection, layer)
    mro = (StoppableConnection, TamperedConnection, Layer, Connection)
    assert type(connection).__mro__[1:5] == mro
    assert not hasattr(connection, "__dict__")
    for layer in (*back, *back):
        take_off(connection, layer)
        assert not isinstance(connection, layer)
    assert type(connection) is Connection


def test_a_combination_is_made_once() -> None:
    one, two = (fake_connection()[0] for _ in range(2))
    for connection, layers in ((one, LAYERS), (two, LAYERS[::-1])):
        for layer in layers:
            put_on(connection, layer)
    assert type(one) is type(two)
