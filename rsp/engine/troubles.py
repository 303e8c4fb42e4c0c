"""What is wrong at the backends now, gathered on demand: from their loads, from the exchanges that
are remembered, and from the sessions that wait."""

from collections.abc import Iterable

from rsp.core.lab_limits import TROUBLE_LOOK_S, TROUBLE_S, TROUBLE_WAIT_S
from rsp.core.trouble import Tally, TroubleRow, troubles
from rsp.engine.context import Context
from rsp.engine.conversation import Conversation
from rsp.engine.exchange import COMPLETE
from rsp.engine.session import Registry, Session

_ERRORS_FROM = 500


class TroubleWatch:
    """Looks when it is asked, and at most once in `TROUBLE_LOOK_S`."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self._context = context
        self._registry = registry
        self._looked_s = 0.0
        self._found: list[TroubleRow] = []

    def now(self, now_s: float) -> list[TroubleRow]:
        """Return what is wrong; what is a second old may be told again."""
        if now_s - self._looked_s >= TROUBLE_LOOK_S:
            self._looked_s = now_s
            tallies = self._of_loads(now_s)
            self._count_answers(tallies, now_s)
            _count_waits(tallies, self._registry.live.values(), now_s)
            self._found = troubles(list(tallies.values()))
        return self._found

    def _of_loads(self, now_s: float) -> dict[str, Tally]:
        """Return a tally of each backend, with its failures at the address that it has now."""
        dispatcher, redact = self._context.dispatcher, self._context.telemetry.redactor.text
        tallies: dict[str, Tally] = {}
        for pool in dispatcher.table.pools.values():
            for backend in pool.backends:
                tally = tallies[backend.key] = Tally(backend.key)
                load = dispatcher.loads[backend.key]
                if error := load.error_at(backend.address):
                    tally.failures = sum(now_s - at_s < TROUBLE_S for at_s in load.failed_at_s)
                    tally.last_error = redact(error)
        return tallies

    def _count_answers(self, tallies: dict[str, Tally], now_s: float) -> None:
        for exchange in self._context.telemetry.exchanges.newest():
            if now_s - exchange.started_s - exchange.duration_s >= TROUBLE_S:
                break
            backend = exchange.backend
            tally = tallies.get(backend.key) if backend is not None else None
            if tally is None or exchange.status is None or exchange.result != COMPLETE:
                continue
            tally.answers += 1
            if exchange.status >= _ERRORS_FROM:
                tally.errors[exchange.status] += 1


def _count_waits(tallies: dict[str, Tally], sessions: Iterable[Session], now_s: float) -> None:
    for session in sessions:
        speaker = session.speaker
        if not isinstance(speaker, Conversation) or (exchange := speaker.exchange) is None:
            continue
        backend = speaker.pairing.backend
        tally = tallies.get(backend.key) if backend is not None else None
        if tally is None or session.client.is_held or exchange.is_faulted:
            continue
        if session.state.is_connecting:
            waited_s, waits_s = now_s - session.state_since_s, tally.unaccepted_s
        elif speaker.response is None and not session.request_pipe.is_open:
            waited_s = now_s - max(exchange.paired_s, exchange.sent_s)
            waits_s = tally.unanswered_s
        else:
            continue
        if waited_s >= TROUBLE_WAIT_S:
            waits_s.append(waited_s)
