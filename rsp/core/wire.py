"""The control protocol: JSON-RPC 2.0, one object a line, on a unix socket.

Requests name a command (`backend.add`) and its parameters; replies are the structs of
`core/replies.py`. Both ends of the socket use this file and nothing else. Reading is strict: an
unknown parameter is refused, so that a misspelt option is never silently ignored.
"""

from typing import Any, NamedTuple

import msgspec

from rsp.core.limits import CONTROL_LINE_BYTES

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
REFUSED = -32000
"""The engine understood and refuses; the message says why and what to do next."""


class Request(msgspec.Struct, omit_defaults=True):
    """One command for the engine."""

    method: str
    params: dict[str, Any] = {}
    id: int | str | None = None
    jsonrpc: str = "2.0"


class RpcError(msgspec.Struct):
    """Why a request was not carried out."""

    code: int
    message: str


class Reply(msgspec.Struct):
    """The answer to one request: `result` stays undecoded until its type is known."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RpcError | None = None
    jsonrpc: str = "2.0"


class CommandRefused(Exception):
    """The engine refuses a command. The text is for the person who gave it."""

    def __init__(self, message: str, code: int = REFUSED) -> None:
        super().__init__(message)
        self.code = code


NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What bytes that are no JSON, or are nested beyond all reason, make msgspec raise."""

_encode = msgspec.json.Encoder().encode
_decode_request = msgspec.json.Decoder(Request).decode
_decode_reply = msgspec.json.Decoder(Reply).decode


def encode_request(method: str, params: dict[str, Any], request_id: int) -> bytes:
    """Return one request line.

    Raises:
        CommandRefused: the line would be longer than the engine reads, or would be no UTF-8.
    """
    try:
        line = _encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
    except UnicodeEncodeError:
        raise CommandRefused(
            f"the command {method} was given a text that is no UTF-8; say it in UTF-8",
            INVALID_REQUEST,
        ) from None
    line += b"\n"
    if len(line) > CONTROL_LINE_BYTES:
        raise CommandRefused(
            f"the command {method} is {len(line):,} bytes long; "
            f"the control socket takes {CONTROL_LINE_BYTES:,}",
            INVALID_REQUEST,
        )
    return line


def decode_request(line: bytes) -> Request:
    """Return the request on `line`.

    Raises:
        CommandRefused: not JSON, or not a JSON-RPC request.
    """
    try:
        return _decode_request(line)
    except msgspec.ValidationError as error:
        raise CommandRefused(f"not a JSON-RPC request: {error}", INVALID_REQUEST) from error
    except NOT_JSON as error:
        raise CommandRefused(f"not JSON: {error}", PARSE_ERROR) from error


class Pieces(NamedTuple):
    """A result that is encoded already, and too large to be put together: a table."""

    parts: list[bytes]

    def reply(self, request_id: int | str | None) -> list[bytes]:
        """Return the reply line that carries it, in its pieces."""
        begin = _encode({"jsonrpc": "2.0", "id": request_id})[:-1] + b',"result":'
        return [begin + self.parts[0], *self.parts[1:], b"}\n"]


def encode_result(request_id: int | str | None, result: object) -> bytes:
    """Return the reply line that carries `result`: any struct, or already encoded `Raw`."""
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result})


def _line(reply: dict[str, object]) -> bytes:
    try:
        return _encode(reply) + b"\n"
    except UnicodeEncodeError:
        return _encode(_readable(msgspec.to_builtins(reply))) + b"\n"


def _readable(value: Any) -> Any:
    """Return `value` with question marks for the bytes of a file's name that are no UTF-8: Python
    has a lone surrogate for each (PEP 383), and JSON none."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value


def encode_error(request_id: int | str | None, error: CommandRefused) -> bytes:
    """Return the reply line that says why the command was not carried out."""
    body = {"code": error.code, "message": str(error)}
    return _line({"jsonrpc": "2.0", "id": request_id, "error": body})


def decode_reply(line: bytes) -> Reply:
    """Return the reply on `line`.

    Raises:
        CommandRefused: the line holds an error, or is not a reply at all.
    """
    try:
        reply = _decode_reply(line)
    except NOT_JSON as error:
        raise CommandRefused(f"the engine's answer is not JSON-RPC: {error}") from error
    if reply.error is not None:
        raise CommandRefused(reply.error.message, reply.error.code)
    return reply
