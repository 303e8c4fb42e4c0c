"""From single checks to up and down, for one backend; and what other counts would have made of it.

`step` is the whole rule. The record keeps the checks, so that the rule can be run over them again
with another `rise` and `fall`.
"""

from collections import deque
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from rsp.core.health_rules import HealthCheck
from rsp.core.limits import (
    ADVISED_MOST,
    ADVISED_SHARE,
    FLAPS_ADVISED,
    FLAPS_WITHIN_S,
    HEALTH_CHECKS_KEPT,
)
from rsp.core.vocabulary import Health


class Check(NamedTuple):
    """One check that is over."""

    at_s: float
    """When it began, in monotonic seconds."""
    took_s: float
    why: str
    """Why it failed; empty: it did not."""
    status: int = 0
    """Of the answer; 0: there was none, or none was asked for."""

    @property
    def is_good(self) -> bool:
        """Whether it speaks for the backend."""
        return not self.why


class Standing(NamedTuple):
    """What the checks so far amount to."""

    health: Health = Health.UNKNOWN
    against: int = 0
    """The last checks in a row that speak against `health`; while it is unknown, those that were
    good, or (below 0) those that failed."""


def step(standing: Standing, rise: int, fall: int, *, is_good: bool) -> Standing:
    """Return the standing after one more check."""
    health, against = standing
    if health is Health.UNKNOWN:
        against = max(against, 0) + 1 if is_good else min(against, 0) - 1
        if against >= rise:
            return Standing(Health.UP)
        return Standing(Health.DOWN) if -against >= fall else Standing(health, against)
    if is_good is (health is Health.UP):
        return Standing(health)
    if health is Health.UP:
        return Standing(health, against + 1) if against + 1 < fall else Standing(Health.DOWN)
    return Standing(health, against + 1) if against + 1 < rise else Standing(Health.UP)


def flaps_of(checks: Iterable[bool], rise: int, fall: int, most: float = inf) -> int:
    """Return how often `checks` would have gone from up to down, or back; beyond `most`, that it
    is more is all that is said."""
    standing, flaps = Standing(), 0
    for is_good in checks:
        after = step(standing, rise, fall, is_good=is_good)
        # Becoming known is no change.
        flaps += after.health is not standing.health is not Health.UNKNOWN
        if flaps > most:
            break
        standing = after
    return flaps


class CheckRecord:
    """The checks of one backend: its standing, and the last ones of them."""

    __slots__ = (
        "_advice", "_advised_at", "_flap_count", "_flapped_s", "checks", "count", "rules",
        "standing",
    )  # fmt: skip

    def __init__(self, rules: HealthCheck) -> None:
        self.rules = rules
        self.standing = Standing()
        self.checks: deque[Check] = deque(maxlen=HEALTH_CHECKS_KEPT)
        self.count = 0
        """All that ever were."""
        self._flapped_s: deque[float] = deque(maxlen=HEALTH_CHECKS_KEPT)
        self._flap_count = 0
        self._advice, self._advised_at = "", 0

    def note(self, check: Check) -> bool:
        """Take over a check; tell whether the backend is up or down by it and was not before."""
        before = self.standing.health
        rules = self.rules
        self.standing = step(self.standing, rules.rise, rules.fall, is_good=check.is_good)
        self.checks.append(check)
        self.count += 1
        has_changed = self.standing.health is not before
        if has_changed and before is not Health.UNKNOWN:
            self._flapped_s.append(check.at_s + check.took_s)
            self._flap_count += 1
        return has_changed

    def flaps(self, now_s: float) -> int:
        """Return how often it went from up to down, or back, in the last hour."""
        return sum(now_s - at_s <= FLAPS_WITHIN_S for at_s in self._flapped_s)

    def advice(self) -> str:
        """Return which `rise` and `fall` would have kept it calmer; empty: nothing to advise.

        Of the counts that leave few changes, those that ask for the fewest checks: more would only
        hide for longer that a backend is down. It is thought out anew after each change, and not
        at each look: that takes milliseconds.
        """
        if self._advised_at != self._flap_count:
            self._advised_at = self._flap_count
            self._advice = self._advise()
        return self._advice

    def _advise(self) -> str:
        if len(self._flapped_s) < FLAPS_ADVISED:
            return ""
        checks = [check.is_good for check in self.checks]
        rules = self.rules
        now = flaps_of(checks, rules.rise, rules.fall)
        if now < FLAPS_ADVISED:
            return ""
        most = max(1, int(now * ADVISED_SHARE))
        others = sorted(
            (rise + fall, rise, fall)
            for fall in range(rules.fall, ADVISED_MOST + 1)
            for rise in range(rules.rise, ADVISED_MOST + 1)
            if (rise, fall) != (rules.rise, rules.fall)
        )
        for _, rise, fall in others:
            flaps = flaps_of(checks, rise, fall, most)
            if flaps <= most:
                changes = "1 transition" if flaps == 1 else f"{flaps} transitions"
                return (
                    f"fall = {fall}, rise = {rise} over the same checks: {changes} instead of {now}"
                )
        return ""
