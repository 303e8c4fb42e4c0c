"""A backend that does what a script says, and remembers every byte that it was sent."""

import contextlib
import socket
import threading
from collections.abc import Callable

from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Truncated, Wire, response

Script = Callable[[Wire], None]
"""What to do with one connection. It ends when the script returns."""

Answer = Callable[[Message], bytes]
"""The response to one request."""


def say_ok(_: Message) -> bytes:
    """Answer with a small page."""
    return response("200 OK", b"hello")


class Backend:
    """Listens on a port of the kernel's choice; each connection gets a thread and the script."""

    def __init__(
        self, script: Script | None = None, *, answer: Answer = say_ok, host: str = "127.0.0.1"
    ) -> None:
        """Open it at `host`, which may be `unix:/path`."""
        self._host = host
        self.script = script or self.serve
        """May be replaced at any time: the next connection to be accepted has the new one."""
        self.answer = answer
        self.requests: list[Message] = []
        """Those that the ordinary script has read, oldest first, of all connections."""
        self.wires: list[Wire] = []
        """Every connection that was accepted, oldest first."""
        self.mistakes: list[BaseException] = []
        """What went wrong in a script, other than the peer leaving it."""
        self._threads: list[threading.Thread] = []
        self._last_port = 0
        """The port of the peer whose script was started last."""
        self._open()

    def _open(self, port: int = 0) -> None:
        self._listener = listen_at(self._host, port)
        self.port: int = 0
        self.address = self._host
        if not self._host.startswith("unix:"):
            self.port = self._listener.getsockname()[1]
            host = f"[{self._host}]" if ":" in self._host else self._host
            self.address = f"{host}:{self.port}"
        self.url = f"http://{self.address}"
        self._start(self._accept, self._listener)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, peer = listener.accept()
                wire, script = Wire(sock), self.script
                self.wires.append(wire)
                self._start(self._run, wire, script)
                self._last_port = peer[1] if peer else 0

    def _run(self, wire: Wire, script: Script) -> None:
        try:
            script(wire)
        except (OSError, Truncated):
            pass  # the peer is gone, or we are closing: what it got is on record
        except BaseException as error:
            self.mistakes.append(error)
        finally:
            wire.close()

    def serve(self, wire: Wire) -> None:
        """Do what a backend ordinarily does: answer one request after the other."""
        while True:
            message = wire.read_request()
            self.requests.append(message)
            wire.send(self.answer(message))

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return len(self.wires)

    def wait_for_connections(self, count: int) -> list[Wire]:
        """Return the connections once there are `count`.

        One may be accepted before the engine has heard so: its session is connecting still.
        """
        wait_until(lambda: len(self.wires) >= count)
        return self.wires

    def wait_for_requests(self, count: int) -> None:
        """Wait until scripts have read `count` requests: these sessions are streaming."""
        wait_until(lambda: sum(wire.requests_read for wire in list(self.wires)) >= count)

    def limit_receiving(self, size: int) -> None:
        """Let the receive buffers of the connections to come have `size` bytes (socket(7))."""
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def refuse(self) -> None:
        """Listen no more: a connect is refused from now on. `listen_again` undoes it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def listen_again(self) -> None:
        """Take the same port back."""
        self._open(self.port)

    def hang_up(self) -> None:
        """End every connection."""
        for wire in list(self.wires):
            with contextlib.suppress(OSError):
                wire.sock.shutdown(socket.SHUT_RDWR)

    def start_over(self) -> None:
        """End every connection and forget it; tell what went wrong in a script."""
        self._accept_all()
        self._finish_scripts()

    def _accept_all(self) -> None:
        """Return when every connection is accepted that was made before: they come in order."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as last:
            port = last.getsockname()[1]
            wait_until(lambda: self._last_port == port)

    def _finish_scripts(self) -> None:
        self.hang_up()
        listening, *others = self._threads
        for thread in others:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        mistakes = self.mistakes
        self._threads, self.requests, self.wires, self.mistakes = [listening], [], [], []
        self.script, self.answer = self.serve, say_ok
        for mistake in mistakes:
            raise mistake

    def close(self) -> None:
        """Listen no more, and end every connection and every thread."""
        self.refuse()
        listening = self._threads[0]
        listening.join(PATIENCE_S)
        assert not listening.is_alive()
        self._finish_scripts()


def listen_at(host: str, port: int) -> socket.socket:
    """Return a listening socket; `host` may be `unix:/path`."""
    if host.startswith("unix:"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(host.removeprefix("unix:"))
        listener.listen(128)
        return listener
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def hold(release: threading.Event) -> Script:
    """Return a script that reads one request and answers when it is told to."""

    def script(wire: Wire) -> None:
        wire.read_request()
        assert release.wait(PATIENCE_S)
        wire.send(response("200 OK", b"held"))
        wire.read_to_end()

    return script


class FullPort:
    """A port where a connect neither succeeds nor fails: its queue is full, nobody accepts."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._queued: list[socket.socket] = []
        while self._queue_one():
            pass

    def _queue_one(self) -> bool:
        """Fill one place of the queue; False when there was none left."""
        sock = socket.socket()
        sock.settimeout(0.3)
        try:
            sock.connect(self._listener.getsockname())
        except TimeoutError:
            sock.close()
            return False
        self._queued.append(sock)
        return True

    def answer_late(self) -> None:
        """Empty the queue: the hanging connect succeeds when its SYN comes again, after 1 s."""
        for _ in self._queued:
            self._listener.accept()[0].close()
        self._listener.settimeout(PATIENCE_S)
        sock, _ = self._listener.accept()
        with sock:
            wire = Wire(sock)
            wire.read_request()
            wire.send(response("200 OK", b"late"))

    def close(self) -> None:
        """Let go of it."""
        for sock in (*self._queued, self._listener):
            sock.close()
