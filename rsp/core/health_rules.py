"""What a pool asks of the health of its backends, as its configuration says it."""

import re
from dataclasses import dataclass

from rsp.core.limits import RAMP_STEPS
from rsp.core.vocabulary import Health

RAMPED = frozenset({"round_robin", "least_connections", "random_two"})
"""Policies with which a backend can start slowly. With one that hashes keys would move at each
step, and `first` looks at no weight."""

_RANGES = re.compile(r"[1-9][0-9]{2}(-[1-9][0-9]{2})?(, *[1-9][0-9]{2}(-[1-9][0-9]{2})?)*")


@dataclass(frozen=True, slots=True)
class Statuses:
    """A set of status codes, as it was written: `200-399`, or `200, 204, 301-303`."""

    text: str
    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.ranges)

    def __str__(self) -> str:
        return self.text


def statuses(text: str) -> Statuses:
    """Return the set that `text` writes down.

    Raises:
        ValueError: it is none, or one of its ranges is empty.
    """
    if not _RANGES.fullmatch(text):
        raise ValueError(f'"{text[:80]}" is no list of status codes')
    ranges = []
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        ranges.append((int(low), int(high or low)))
        if int(high or low) < int(low):
            raise ValueError(f'"{part.strip()}" has no status code in it')
    return Statuses(text, tuple(ranges))


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How each backend of a pool is checked. Times are seconds."""

    path: str
    is_tcp: bool
    """Whether an accepted connection is enough, and nothing is asked."""
    interval_s: float
    timeout_s: float
    rise: int
    """Good checks in a row that make it up."""
    fall: int
    """Failed checks in a row that make it down."""
    expect: Statuses
    host: str
    """The Host that is asked for; empty: that of the pool, or the backend's own address."""

    def __str__(self) -> str:
        asked = "tcp" if self.is_tcp else f"GET {self.path}"
        host = f" of {self.host}" if self.host else ""
        expected = "" if self.is_tcp else f" for {self.expect}"
        return (
            f"{asked}{host}{expected} every {self.interval_s:g} s within {self.timeout_s:g} s, "
            f"rise {self.rise}, fall {self.fall}"
        )


@dataclass(frozen=True, slots=True)
class Ejection:
    """When a backend that fails requests is left out for a while. Times are seconds."""

    errors: int
    """Failed connects and bad answers in a row."""
    statuses: Statuses
    """Which answers are bad ones."""
    first_s: float
    """How long it is out the first time; it doubles each time."""
    most_s: float

    def __str__(self) -> str:
        return (
            f"after {self.errors} errors in a row ({self.statuses}) for {self.first_s:g} to "
            f"{self.most_s:g} s"
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of the health of one backend, as a decision sees it."""

    health: Health
    why: str = ""
    """Why it is down or ejected."""
    ramp: int = RAMP_STEPS
    """How many tenths of its weight count: fewer than ten while it starts slowly."""

    @property
    def is_out(self) -> bool:
        """Whether it gets nothing."""
        return self.health is Health.DOWN or self.health is Health.EJECTED

    def __str__(self) -> str:
        return f"{self.health.value} ({self.why})" if self.why else self.health.value


NOT_KNOWN = Condition(Health.UNKNOWN)
