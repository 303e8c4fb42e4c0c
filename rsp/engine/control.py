"""The control socket: JSON lines in, JSON lines out. Whoever looks can never hold up the traffic.

One task per client, one command at a time, one answer at a time: a client that does not read
waits for itself, and between two lines of all of them together the traffic has the loop to itself.
Requests are bounded in length, and clients in number.
"""

import asyncio
import os
import select
import socket
import traceback
from pathlib import Path

from rsp.core.limits import (
    CONTROL_CLIENTS,
    CONTROL_LINE_BYTES,
    CONTROL_PIECE_BYTES,
    SNAPSHOT_REST_S,
)
from rsp.core.vocabulary import EventLevel
from rsp.core.wire import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    CommandRefused,
    Pieces,
    decode_request,
    encode_error,
    encode_result,
)
from rsp.engine.commands import carry_out
from rsp.engine.control_path import ControlPathRefused, check_length
from rsp.engine.credentials import peer_credentials
from rsp.engine.listening import SocketFile
from rsp.engine.nonblocking import is_deserted
from rsp.engine.server import Engine

_TOO_MANY = (
    "control clients are connected, and no more are served; "
    "end one of them (a dashboard, or a script that stays connected), then try again"
)


class ControlServer:
    """Listens on a unix socket that only this user can open."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.path = path
        self._engine = engine
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], socket.socket] = {}
        self._turn = asyncio.Lock()
        """Of the client whose line was the last: it rests, and the next one waits for that."""
        self._file: SocketFile | None = None

    async def start(self) -> None:
        """Listen. A socket that a dead engine left behind is replaced.

        Raises:
            ControlPathRefused: another engine answers there, or the path cannot be used.
        """
        check_length(self.path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._clear_the_way()
            sock.bind(str(self.path))
        except OSError as error:
            sock.close()
            raise ControlPathRefused(
                f"cannot make the control socket {self.path}: {error.strerror}; "
                "name another place with --control PATH"
            ) from None
        except ControlPathRefused:
            sock.close()
            raise
        finally:
            os.umask(mask)
        self._file = SocketFile(str(self.path))
        self._server = await asyncio.start_unix_server(
            self._on_client, sock=sock, limit=CONTROL_LINE_BYTES
        )

    def _clear_the_way(self) -> None:
        """Remove a socket that a dead engine left; whatever else is there is left alone."""
        if not self.path.exists():
            return
        if not self.path.is_socket():
            raise ControlPathRefused(
                f"{self.path} is there and is no socket; it is left alone. "
                "Name another place with --control PATH"
            )
        if not is_deserted(str(self.path)):
            raise ControlPathRefused(
                f"another engine answers at {self.path}; "
                f"`rsp attach --control {self.path}` shows it"
            )
        self.path.unlink()

    async def stop(self) -> None:
        """Hang up on everybody, and take the socket away if it is still ours."""
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cancel()
        if self._file is not None:
            self._file.remove()

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or not self._has_place():
            _tell(writer, CommandRefused(f"{len(self._clients)} {_TOO_MANY}"))
            writer.close()
            return
        self._clients[task] = writer.get_extra_info("socket")
        try:
            peer = _trusted_peer(writer)
            await self._serve(reader, writer, peer)
        except CommandRefused as error:
            _tell(writer, error)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.pop(task, None)
            writer.close()

    def _has_place(self) -> bool:
        """Tell whether one more client may come; who left in the midst of a wait makes room."""
        if len(self._clients) < CONTROL_CLIENTS:
            return True
        gone = [task for task, sock in self._clients.items() if _is_hung_up(sock)]
        for task in gone:
            del self._clients[task]
            task.cancel()
        return bool(gone)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        while line := await _read_line(reader):
            if line.strip():
                await _write(writer, await self._answer(line, peer))
            # What has come already is read without waiting: nobody else would have a turn.
            async with self._turn:
                await asyncio.sleep(SNAPSHOT_REST_S)

    async def _answer(self, line: bytes, peer: str) -> list[bytes]:
        """Return the reply line, in pieces."""
        request_id: int | str | None = None
        try:
            request = decode_request(line)
            request_id = request.id
            result = await carry_out(self._engine, request.method, request.params, peer)
            if isinstance(result, Pieces):
                return result.reply(request_id)
            return [encode_result(request_id, result)]
        except CommandRefused as error:
            # It may quote what was asked: a URL with a token in it, for one.
            shown = self._engine.telemetry.redactor.text(str(error))
            return [encode_error(request_id, CommandRefused(shown, error.code))]
        except Exception as error:
            what = f"control command {line[:200]!r}: a bug of ours"
            self._engine.note(what, EventLevel.ERROR, traceback=traceback.format_exc())
            shown = self._engine.telemetry.redactor.text(f"a bug of ours: {error!r}; see the log")
            return [encode_error(request_id, CommandRefused(shown, INTERNAL_ERROR))]


async def _write(writer: asyncio.StreamWriter, answer: list[bytes]) -> None:
    """Write a reply piece by piece, and let the traffic have the loop to itself in between."""
    written_bytes = 0
    for piece in answer:
        for start in range(0, len(piece), CONTROL_PIECE_BYTES):
            part = piece[start : start + CONTROL_PIECE_BYTES]
            if written_bytes + len(part) > CONTROL_PIECE_BYTES:
                await asyncio.sleep(SNAPSHOT_REST_S)
                written_bytes = 0
            if writer.is_closing():
                # It hung up meanwhile, and nothing can be written to what is closed.
                raise ConnectionResetError
            writer.write(part)
            written_bytes += len(part)
            await writer.drain()


def _tell(writer: asyncio.StreamWriter, refusal: CommandRefused) -> None:
    """Say to a client why it is hung up on, if it is still there."""
    if not writer.is_closing():
        writer.write(encode_error(None, refusal))


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line, empty at the end.

    Raises:
        CommandRefused: the line is too long; what follows cannot be trusted to begin a line.
    """
    try:
        return await reader.readline()
    except ValueError:
        raise CommandRefused(
            f"a request may be {CONTROL_LINE_BYTES:,} bytes long", INVALID_REQUEST
        ) from None


def _is_hung_up(sock: socket.socket) -> bool:
    """Tell whether the peer has closed its end altogether; one that waits for an answer has not."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock.fileno(), 0)
    return bool(poll.poll(0))


def _trusted_peer(writer: asyncio.StreamWriter) -> str:
    """Return who is at the other end, in words.

    Raises:
        CommandRefused: another user, and not root (SO_PEERCRED of unix(7)).
    """
    sock = writer.get_extra_info("socket")
    pid, uid, _gid = peer_credentials(sock)
    if uid not in (0, os.getuid()):
        raise CommandRefused(
            f"this engine belongs to uid {os.getuid()}; you are uid {uid}. Run rsp as that user"
        )
    return f"uid {uid}, pid {pid}"
