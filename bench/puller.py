"""`python -m bench.puller SOCKET`: pulls snapshots as the dashboard does, five times a second,
until it is ended. It stands for a dashboard where the screen itself is not what is measured."""

import socket
import sys
import time

import msgspec

from rsp.core.replies import Connections, Status
from rsp.core.wire import decode_reply, encode_request

PULLS_PER_S = 5


def pull_for_ever(control: str) -> None:
    """Ask for `status` and `connections` five times a second, and decode both answers.

    Returns when the engine is gone.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(control)
        lines = sock.makefile("rb")
        next_s = time.monotonic()
        while True:
            for method, kind in (("status", Status), ("connections", Connections)):
                sock.sendall(encode_request(method, {}, 1))
                line = lines.readline()
                if not line:
                    return
                msgspec.json.decode(decode_reply(line).result, type=kind)
            next_s += 1 / PULLS_PER_S
            time.sleep(max(0.0, next_s - time.monotonic()))


if __name__ == "__main__":
    pull_for_ever(sys.argv[1])
