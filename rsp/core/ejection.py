"""Passive ejection: who of a pool is left out because it failed requests, and until when."""

from dataclasses import dataclass

from rsp.core.health_rules import Ejection

_DOUBLINGS = 60
"""More would be longer than any time that may be set."""


@dataclass(slots=True)
class Term:
    """What one backend has served of ejection."""

    times: int = 0
    """How often in a row it was ejected: each doubles the time."""
    length_s: float = 0.0
    until_s: float = 0.0
    """When it comes back; 0: it is not out."""
    ended_s: float = 0.0
    why: str = ""

    @property
    def is_out(self) -> bool:
        """Whether it is out now."""
        return self.until_s > 0

    def begin(self, rules: Ejection, errors: int, why: str, now_s: float) -> None:
        """Put it out; for longer than last time, unless it has served well for as long since."""
        if self.times and now_s - self.ended_s > self.length_s:
            self.times = 0
        self.length_s = min(rules.first_s * 2.0 ** min(self.times, _DOUBLINGS), rules.most_s)
        self.times += 1
        self.until_s = now_s + self.length_s
        self.why = f"{errors} errors in a row, the last one: {why}"

    def end(self, now_s: float) -> None:
        """Let it back in."""
        self.until_s = 0.0
        self.ended_s = now_s


def may_eject(members: int, away: int) -> bool:
    """Tell whether one more of a pool of `members` may be left out, of which `away` get nothing.

    At most half of a pool, rounded down, so that one who is alone never is.
    """
    return away + 1 <= members // 2
