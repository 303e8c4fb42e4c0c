"""WHERE A BACKEND IS ADDED, EDITED, DRAINED, REMOVED: an immutable table.

Every edit returns a new table and a sentence that says what changed. Running sessions keep the
`Backend` they were given, so an edit can never pull a running thing from under its feet.
"""

from dataclasses import dataclass

from rsp.core.vocabulary import BackendState


@dataclass(frozen=True, slots=True)
class Backend:
    """One address that answers requests."""

    pool: str
    name: str
    address: str
    """As written: `127.0.0.1:9001`, `[::1]:9001`, `app.internal:80`."""
    weight: int = 1
    max_connections: int = 0
    """Exchanges (http) or sessions (tcp) it may have at once; 0: any number."""
    state: BackendState = BackendState.READY
    resolved: tuple[str, int] | None = None
    """Numeric host and port, filled in off the data path when the address is loaded or edited."""
    defined_at: str = ""
    """`file:line` of its definition, for errors."""

    @property
    def key(self) -> str:
        """`pool/name`: its name everywhere outside its pool."""
        return f"{self.pool}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pool:
    """A named set of backends and the policy that picks among them."""

    name: str
    backends: tuple[Backend, ...]
    balance: str = "round_robin"
    host: str = "keep"
    """Which Host the backend sees: `keep`, `backend` (its own address), or a name."""
