"""The control protocol: what one end writes the other reads, and nothing odd is taken for it."""

import contextlib
import json
import os
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core import replies
from rsp.core.limits import CONTROL_LINE_BYTES
from rsp.core.wire import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REFUSED,
    CommandRefused,
    decode_reply,
    decode_request,
    encode_error,
    encode_request,
    encode_result,
)


def test_a_request_is_one_line_of_json_rpc() -> None:
    line = encode_request("backend.add", {"pool": "web", "weight": 2}, 7)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "backend.add",
        "params": {"pool": "web", "weight": 2},
    }


def test_a_request_comes_out_as_it_went_in() -> None:
    request = decode_request(encode_request("explain", {"url": "/ä\n", "header": ["A: b"]}, 3))
    assert (request.method, request.id) == ("explain", 3)
    assert request.params == {"url": "/ä\n", "header": ["A: b"]}


def test_parameters_and_id_may_be_left_out() -> None:
    request = decode_request(b'{"method": "status"}\n')
    assert (request.params, request.id) == ({}, None)
    assert decode_request(b'{"method": "status", "id": "a"}').id == "a"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", PARSE_ERROR),
        (b"\n", PARSE_ERROR),
        (b"GET / HTTP/1.1\r\n", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b'{"method": "status"} x', PARSE_ERROR),
        (b'{"method": "\xff"}', PARSE_ERROR),
        (b"\x16\x03\x01", PARSE_ERROR),
        (b'{"method": "a", "params": {"a": ' + b"[" * 30_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"null", INVALID_REQUEST),
        (b"7", INVALID_REQUEST),
        (b"[" * 5000, INVALID_REQUEST),
        (b"{}", INVALID_REQUEST),
        (b'{"method": 7}', INVALID_REQUEST),
        (b'{"method": "status", "params": []}', INVALID_REQUEST),
        (b'{"method": "status", "id": [1]}', INVALID_REQUEST),
        (b'{"method": "status", "id": 1.5}', INVALID_REQUEST),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_request_is_refused(line: bytes, code: int) -> None:
    with pytest.raises(CommandRefused) as refused:
        decode_request(line)
    assert refused.value.code == code


def _in_string(odd: bytes) -> bytes:
    return b'{"method": "' + odd + b'"}'


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(_in_string)))
def test_any_bytes_are_a_request_or_refused(line: bytes) -> None:
    with contextlib.suppress(CommandRefused):
        assert isinstance(decode_request(line).method, str)


def test_a_command_that_is_too_long_is_refused_before_it_is_sent() -> None:
    room = CONTROL_LINE_BYTES - len(encode_request("explain", {"url": ""}, 1))
    assert len(encode_request("explain", {"url": "u" * room}, 1)) == CONTROL_LINE_BYTES
    with pytest.raises(CommandRefused, match=f"takes {CONTROL_LINE_BYTES:,}") as refused:
        encode_request("explain", {"url": "u" * (room + 1)}, 1)
    assert refused.value.code == INVALID_REQUEST


@pytest.mark.parametrize("request_id", [0, 7, "a", None])
def test_a_reply_carries_the_id_of_its_request(request_id: int | str | None) -> None:
    reply = decode_reply(encode_result(request_id, replies.Done("stopping")))
    assert reply.id == request_id
    assert msgspec.json.decode(reply.result, type=replies.Done) == replies.Done("stopping")


@pytest.mark.parametrize(
    "code",
    [PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR, REFUSED],
)
def test_an_error_comes_out_as_a_refusal(code: int) -> None:
    with pytest.raises(CommandRefused, match="no backend web/z") as refused:
        decode_reply(encode_error(7, CommandRefused("no backend web/z", code)))
    assert refused.value.code == code


def test_an_error_has_no_result_and_a_result_no_error() -> None:
    assert set(json.loads(encode_error(1, CommandRefused("no")))) == {"jsonrpc", "id", "error"}
    assert set(json.loads(encode_result(1, None))) == {"jsonrpc", "id", "result"}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"error": "no"}', b'{"id": {}}'])
def test_an_answer_that_is_none_is_said_to_be(line: bytes) -> None:
    with pytest.raises(CommandRefused, match="the engine's answer is not JSON-RPC"):
        decode_reply(line)


def test_a_file_name_that_is_no_utf_8_is_readable_in_an_answer() -> None:
    path = os.fsdecode(b"caf\xe9.lua")
    source = replies.ConfigSource(path, "", None, None, None, "", 1)
    assert msgspec.json.decode(decode_reply(encode_result(1, source)).result)["path"] == "caf?.lua"
    with pytest.raises(CommandRefused, match=r"^caf\?\.lua: no such file$"):
        decode_reply(encode_error(1, CommandRefused(f"{path}: no such file")))


def test_a_parameter_that_is_no_utf_8_is_not_sent() -> None:
    with pytest.raises(CommandRefused, match=r"no UTF-8"):
        encode_request("backend.add", {"name": os.fsdecode(b"caf\xe9")}, 1)


def test_raw_json_is_passed_on_as_it_is() -> None:
    raw = msgspec.Raw(b'{"connections":[1,2]}')
    assert b'"result":{"connections":[1,2]}' in encode_result(1, raw)


REPLIES = [
    kind
    for kind in vars(replies).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
]


def example(kind: Any) -> Any:
    """Return a value of a type, every field of it filled with something."""
    arguments = [item for item in typing.get_args(kind) if item is not type(None)]
    origin = typing.get_origin(kind)
    if origin is list:
        return [example(arguments[0])]
    if origin is tuple:
        return tuple(example(argument) for argument in arguments)
    if origin is dict:
        return {"name": example(arguments[1])}
    if arguments:
        return example(arguments[0])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(**{name: example(hints[name]) for name in kind.__struct_fields__})
    return {int: 7, float: 1.5, str: "ä\x1b[/b]", bool: True, Any: "any"}[kind]


@pytest.mark.parametrize("kind", REPLIES, ids=lambda kind: kind.__name__)
def test_every_reply_survives_the_wire(kind: type[msgspec.Struct]) -> None:
    filled = example(kind)
    line = encode_result(1, filled)
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(decode_reply(line).result, type=kind) == filled
    assert set(json.loads(line)["result"]) == set(kind.__struct_encode_fields__)
