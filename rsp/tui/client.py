"""The dashboard's end of the control socket: one request, one reply, and a plain error."""

import asyncio
from typing import Any, TypeVar

import msgspec

from rsp.core.wire import decode_reply, encode_request
from rsp.tui.limits import CALL_S, REPLY_BYTES

Answer = TypeVar("Answer", bound=msgspec.Struct)


class EngineGone(Exception):
    """No engine answers at the control socket. The text says what was tried and what happened."""


class EngineClient:
    """One connection to an engine. Calls wait for each other; a broken one is opened anew."""

    def __init__(self, control_path: str) -> None:
        self.control_path = control_path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()
        self._next_id = 0
        self._decoders: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {}

    async def call(
        self, method: str, params: dict[str, Any], answer: type[Answer], wait_s: float = 0.0
    ) -> Answer:
        """Return the engine's answer to one command; `wait_s` is how long it may hold it back.

        Raises:
            EngineGone: the socket cannot be reached, was closed, or nothing came in time.
            CommandRefused: the engine understood and refuses.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(CALL_S + wait_s):
                    line = await self._exchange(method, params)
            except TimeoutError:
                self.close()
                raise EngineGone(
                    f"the engine at {self.control_path} did not answer {method} "
                    f"within {CALL_S + wait_s:.0f} s"
                ) from None
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:
                self.close()
                raise EngineGone(
                    f"no engine answers ({_reason(error)}) at {self.control_path}"
                ) from error
            except asyncio.CancelledError:
                # An answer may be half read: whoever calls next must not get the rest of it.
                self.close()
                raise
        result = decode_reply(line).result
        return self._decode(result, answer)

    async def _exchange(self, method: str, params: dict[str, Any]) -> bytes:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_unix_connection(
                self.control_path, limit=REPLY_BYTES
            )
        self._next_id += 1
        self._writer.write(encode_request(method, params, self._next_id))
        await self._writer.drain()
        return await self._reader.readuntil(b"\n")

    def _decode(self, result: msgspec.Raw, answer: type[Answer]) -> Answer:
        decoder = self._decoders.get(answer)
        if decoder is None:
            decoder = self._decoders[answer] = msgspec.json.Decoder(answer)
        try:
            decoded: Answer = decoder.decode(result)
        except msgspec.DecodeError as error:
            raise EngineGone(
                f"the engine at {self.control_path} speaks another version: {error}; "
                "start the dashboard and the engine from the same installation"
            ) from error
        return decoded

    def close(self) -> None:
        """Close the connection. The next call opens a new one."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def _reason(error: Exception) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "it closed the connection"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
