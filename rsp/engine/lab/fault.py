"""One fault that is in force: what, where, for whom."""

from dataclasses import dataclass, field
from random import Random

from rsp.core.backends import Backend
from rsp.core.faults.gates import GATES, Gate
from rsp.core.faults.kinds import KINDS
from rsp.core.vocabulary import Direction
from rsp.engine.entrance import Entrance


@dataclass(slots=True)
class Scope:
    """Whom a fault is about; what is None is not asked. All None: everybody."""

    listener: str | None = None
    """An address as `status` has it, or a port alone."""
    pool: str | None = None
    backend: str | None = None
    """POOL/NAME."""
    session: int | None = None

    def has_entrance(self, entrance: Entrance) -> bool:
        """Tell whether clients that come in here are meant, whoever they are."""
        return self.listener is None or self.listener in (
            entrance.address,
            entrance.address.rpartition(":")[2],
            entrance.config.address,
        )

    def has_backend(self, backend: Backend | None) -> bool:
        """Tell whether what goes to this backend is meant; without one, whether that matters."""
        if self.pool is None and self.backend is None:
            return True
        return backend is not None and (
            self.pool in (None, backend.pool) and self.backend in (None, backend.key)
        )

    def __str__(self) -> str:
        named = [
            f"{name} {value}"
            for name, value in (
                ("listener", self.listener),
                ("pool", self.pool),
                ("backend", self.backend),
                ("session", self.session),
            )
            if value is not None
        ]
        return ", ".join(named) or "everything"


@dataclass(slots=True)
class Fault:
    """One fault that is in force."""

    id: int
    kind: str
    values: dict[str, float | str]
    scope: Scope
    direction: Direction = Direction.RESPONSE
    first: int = 0
    """Only for the first so many that it would be for; 0: no bound."""
    every: int = 1
    """Only for each so manieth of them."""
    toxicity: float = 1.0
    """Only for this share of them, by chance."""
    seed: int = 0
    name: str = ""
    """A name of the giver's own; toxiproxy's clients know a toxic by it."""
    met: int = 0
    """How many sessions, or exchanges in HTTP, it would have been for."""
    touched: int = 0
    """How many it was for."""
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def __str__(self) -> str:
        return f"{self.id} ({self.kind})"

    def chooses(self) -> bool:
        """Count one more that it may be for, and tell whether it is."""
        self.met += 1
        if self.first and self.met > self.first:
            return False
        if self.met % self.every or (self.toxicity < 1 and self._random.random() >= self.toxicity):
            return False
        self.touched += 1
        return True

    def gate(self, now_s: float) -> Gate | None:
        """Return a new gate, if it is a toxic."""
        make = GATES.get(self.kind)
        return make(self.values, now_s, self._random.random) if make is not None else None

    def sentence(self) -> str:
        """Return in words what it does, to whom."""
        kind = KINDS[self.kind]
        values = ", ".join(
            f"{name} {value:g} {kind.values[name].unit}".rstrip()
            if isinstance(value, float)
            else f"{name} {value}"
            for name, value in self.values.items()
        )
        what = f"{self.kind} ({values})" if values else self.kind
        return f"{what} on {self.scope}, {self.direction.value}: {kind.meaning}"
