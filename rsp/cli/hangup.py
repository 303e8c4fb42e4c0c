"""Ends the dashboard with its terminal, also where no signal says that it is gone.

When a terminal goes away the kernel tells the leader of its session, and the others only once that
one has ended (`__tty_hangup`). A leader that waits for us, as make does, keeps it to itself. The
dashboard would stay for ever then: its screen cannot be written, and its keys have an end.
"""

import os
import select
import signal
import threading

_STDOUT_FD = 1
_ENDED = 128 + signal.SIGHUP
"""The exit status that shells give to who was ended by SIGHUP."""


def end_with_terminal() -> None:
    """End this process at once when the terminal that it writes to hangs up, as SIGHUP would."""
    if not os.isatty(_STDOUT_FD):
        return
    poller = select.poll()
    # Hang-ups are reported whatever is asked for (poll(2)).
    poller.register(_STDOUT_FD, 0)
    threading.Thread(target=_end_at, args=(poller,), name="hangup", daemon=True).start()


def _end_at(hangup: select.poll) -> None:
    hangup.poll()
    os._exit(_ENDED)
