"""`python -m bench.puller SOCKET [--asks-only]`: asks the engine what a dashboard asks, as often as
it does, until it is ended. It stands for a dashboard where the screen is not what is measured."""

import socket
import sys
import time
from typing import Any, NamedTuple

import msgspec

from rsp.core.decision_rows import Decisions
from rsp.core.replies import Backends, Connections, Status
from rsp.core.wire import decode_reply, encode_request

PULLS_PER_S = 5
VISIBLE_ROWS = 20
"""Sessions on the screen, whose kernel queues are asked for as well."""


class Question(NamedTuple):
    """One pull of the dashboard on its first screen."""

    method: str
    params: dict[str, Any]
    answer: type[msgspec.Struct]
    every: int = 1
    """It is asked in every so many rounds."""


QUESTIONS = (
    Question("status", {}, Status),
    Question("connections", {"visible": list(range(1, VISIBLE_ROWS + 1))}, Connections),
    Question("backends", {}, Backends, PULLS_PER_S),
    Question("decisions", {"limit": 200}, Decisions, PULLS_PER_S),
)


def pull_for_ever(control: str, *, asks_only: bool) -> None:
    """Ask; and decode the answers, unless that work is not what is measured.

    Returns when the engine is gone.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(control)
        lines = sock.makefile("rb")
        next_s = time.monotonic()
        rounds = 0
        while True:
            for question in QUESTIONS:
                if rounds % question.every:
                    continue
                sock.sendall(encode_request(question.method, question.params, 1))
                line = lines.readline()
                if not line:
                    return
                if not asks_only:
                    msgspec.json.decode(decode_reply(line).result, type=question.answer)
            rounds += 1
            next_s += 1 / PULLS_PER_S
            time.sleep(max(0.0, next_s - time.monotonic()))


if __name__ == "__main__":
    pull_for_ever(sys.argv[1], asks_only="--asks-only" in sys.argv[2:])
