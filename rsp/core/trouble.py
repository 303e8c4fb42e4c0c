"""What is wrong at the backends now, in one sentence each: what failed lately, and who waits.

They stand at the top of the screen. Whoever comes with a symptom reads them first, so they accuse
only a backend that failed, answered an error, or has a request and says nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from rsp.core.lab_limits import (
    FAILURES_DATED,
    TROUBLE_ERRORS_LEAST,
    TROUBLE_ERRORS_SHARE,
    TROUBLE_S,
)
from rsp.core.units import counted, spoken
from rsp.core.vocabulary import Trouble


class Tally(msgspec.Struct):
    """What is known of one backend in the last `TROUBLE_S` seconds."""

    key: str
    """`pool/name`."""
    answers: int = 0
    """Whole responses, as far as the exchanges are remembered."""
    errors: Counter[int] = msgspec.field(default_factory=Counter)
    """Those of them from 500 on, by their status."""
    failures: int = 0
    """Connects that failed, and answers that did not come or broke off."""
    last_error: str = ""
    unaccepted_s: list[float] = []
    """For how long each request waits to be connected, of those that wait long."""
    unanswered_s: list[float] = []
    """The same, of those that it has and has not begun to answer."""

    @property
    def pool(self) -> str:
        """The pool that it is of."""
        return self.key.partition("/")[0]


class TroubleRow(msgspec.Struct):
    """One trouble at one backend."""

    kind: str
    """A `Trouble`."""
    backend: str
    count: int
    sentence: str


def troubles(tallies: Sequence[Tally]) -> list[TroubleRow]:
    """Return what is wrong, the worst kind first, and of a kind the most frequent."""
    found = [row for tally in tallies for row in _of(tally, tallies)]
    return sorted(found, key=lambda row: (_ORDER.index(row.kind), -row.count))


_ORDER: list[str] = list(Trouble)


def _of(tally: Tally, all_of_them: Iterable[Tally]) -> Iterator[TroubleRow]:
    key = tally.key
    if tally.failures:
        times = f"{tally.failures:,}{'+' * (tally.failures >= FAILURES_DATED)}"
        said = f"{key} failed {times} {'time' if tally.failures == 1 else 'times'} in the last "
        said += f"{TROUBLE_S:.0f} s: {tally.last_error}"
        yield TroubleRow(Trouble.FAILING, key, tally.failures, said)
    count = tally.errors.total()
    if count >= max(TROUBLE_ERRORS_LEAST, TROUBLE_ERRORS_SHARE * tally.answers):
        status = str(next(iter(tally.errors))) if len(tally.errors) == 1 else "5xx"
        said = f"{key} answers {status}: {count:,} of its last {tally.answers:,}"
        yield TroubleRow(Trouble.ERRORS, key, count, said + _others(tally, all_of_them))
    for kind, waits_s, what in (
        (Trouble.UNACCEPTED, tally.unaccepted_s, f"to be connected to {key}"),
        (Trouble.UNANSWERED, tally.unanswered_s, f"for {key} to begin its answer"),
    ):
        if waits_s:
            verb = "waits" if len(waits_s) == 1 else "wait"
            longest = f", the longest for {spoken(max(waits_s))}"
            said = f"{counted(len(waits_s), 'request')} {verb} {what}{longest}"
            yield TroubleRow(kind, key, len(waits_s), said)


def _others(tally: Tally, all_of_them: Iterable[Tally]) -> str:
    """Say how the others of its pool do, which is what shows whose fault it is."""
    others = [each for each in all_of_them if each.pool == tally.pool and each is not tally]
    answers = sum(each.answers for each in others)
    if not answers:
        return ""
    errors = sum(each.errors.total() for each in others)
    return f"; the others of its pool {errors:,} of {answers:,}"
