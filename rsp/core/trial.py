"""A change on trial: for how long, what it has done to traffic so far, and what to go back to.

It asks no clock: whoever looks says how late it is, in monotonic seconds.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from rsp.core.limits import TRIAL_ERRORS_PERCENT, TRIAL_LEAST_EXCHANGES

Moment = TypeVar("Moment")
"""Whatever is needed to put in force again what was in force before."""

_FAILED_STATUS = 500
"""From here on an exchange has failed: 502, 503 and 504 are ours, and others a backend's."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a change has to live up to if it is to stay."""

    confirm_s: float
    """It is taken back unless somebody confirms it within this."""
    max_errors_percent: float = TRIAL_ERRORS_PERCENT
    """It is taken back at once when more of its exchanges, or of its tcp sessions, fail."""


@dataclass(slots=True)
class Trial(Generic[Moment]):
    """One change that is on trial."""

    generation: int
    """The one that it made."""
    what: str
    """What was changed, in a sentence."""
    who: str
    terms: Terms
    deadline_s: float
    back_to: Moment
    exchanges: int = 0
    """Those decided in this generation that were answered."""
    sessions: int = 0
    """tcp sessions decided in this generation that are over."""
    under_way: int = 0
    """Those that are not: they are well so far."""
    failed: int = 0

    def count(self, generation: int, status: int | None) -> None:
        """Count an exchange that ended, if it was decided under this change and was answered."""
        if generation == self.generation and status is not None:
            self.exchanges += 1
            self.failed += status >= _FAILED_STATUS

    def count_session(self, generation: int, *, has_failed: bool) -> None:
        """Count a tcp session that ended, if it was decided under this change."""
        if generation == self.generation:
            self.sessions += 1
            self.failed += has_failed

    @property
    def tried(self) -> int:
        """How much has had its chance to fail."""
        return self.exchanges + self.sessions + self.under_way

    def left_s(self, now_s: float) -> float:
        """Return how long it may still be confirmed."""
        return max(self.deadline_s - now_s, 0.0)

    def failure(self, now_s: float) -> str | None:
        """Return why it is to be taken back now; None: it is not."""
        most = self.terms.max_errors_percent
        tried = self.tried
        if tried >= TRIAL_LEAST_EXCHANGES and self.failed * 100 > most * tried:
            return f"{self.failed_sentence()}, more than {most:g} %"
        if now_s >= self.deadline_s:
            return f"nobody confirmed it within {self.terms.confirm_s:g} s"
        return None

    def failed_sentence(self) -> str:
        """Return how many failed so far."""
        return f"{self.failed} of {self.tried} {self._what_was_tried()} failed"

    def _what_was_tried(self) -> str:
        if self.exchanges == self.tried:
            return "exchanges"
        return "exchanges and tcp sessions" if self.exchanges else "tcp sessions"

    def refusal(self, now_s: float) -> str:
        """Return why nothing else can be changed meanwhile."""
        return (
            f"generation {self.generation} is on trial for {self.left_s(now_s):.0f} s more "
            f"({self.what}, by {self.who}); `rsp ctl confirm` keeps it, "
            "`rsp ctl undo` takes it back"
        )
