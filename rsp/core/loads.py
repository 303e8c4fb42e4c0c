"""What is going on at each backend: counts that change all the time, and outlive every edit."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from rsp.core.backends import BackendTable
from rsp.core.lab_limits import FAILURES_DATED


@dataclass(slots=True)
class BackendLoad:
    """What is going on at one backend. It changes all the time; the engine owns it."""

    sessions: int = 0
    """Exchanges (http) or sessions (tcp) at it now."""
    total: int = 0
    """The same, all that it ever got."""
    failures: int = 0
    """Connects that failed, and answers that did not come or were broken."""
    last_error: str | None = None
    """Why it failed last."""
    failed_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES_DATED))
    """When it failed, by the monotonic clock, the last time at the end."""
    last_error_address: str = ""
    """What its address was then: an edit of it may have been the cure."""
    failed_in_a_row: int = 0
    """Failed connects and bad answers since the last good one; kept where its pool ejects."""
    bytes_in: int = 0
    """Bytes received from it."""
    bytes_out: int = 0
    """Bytes sent to it."""
    on_release: Callable[["BackendLoad"], None] | None = None
    """Told of each session less, while somebody waits for a place here; None: nobody does."""

    def error_at(self, address: str) -> str | None:
        """Return why it failed last, if it was at `address`: of another one that says nothing."""
        return self.last_error if self.last_error_address == address else None


class BackendLoads(dict[str, BackendLoad]):
    """The loads of all backends by `Backend.key`. Asking for an unknown one makes it, empty."""

    def __missing__(self, key: str) -> BackendLoad:
        load = self[key] = BackendLoad()
        return load

    def follow(self, before: BackendTable, after: BackendTable) -> None:
        """Put the loads of those who leave aside, and back if they return with the same address.

        With another address a name begins anew: nobody who is at the old one counts there. Who is
        under way keeps the load that it was counted in.
        """
        old, new = before.addresses(), after.addresses()
        for key in (old.keys() - new.keys()) & self.keys():
            # No name has a blank, so nobody else asks for this one.
            self[f"{key} {old[key]}"] = self.pop(key)
        for key in new.keys() - old.keys():
            self[key] = self.pop(f"{key} {new[key]}", BackendLoad())
