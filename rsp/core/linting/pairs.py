"""Pairs of requests that mean the same, and what it says about a `route` to part them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rsp.core.linting.explore import NAME, changed
from rsp.core.linting.finding import Finding
from rsp.core.linting.runs import UNFORCED, Afresh, Run, Runner, Terrain, shown, with_host
from rsp.core.lua_limits import LINT_PROOFS
from rsp.core.route import RouteRequest
from rsp.core.spellings import in_capitals, is_host_name, percent_spellings
from rsp.core.vocabulary import Severity

FREE_TEXT = "caf%C3%A9"
"""A word as a browser codes it; older clients write the digits of the code in small letters."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two requests that mean the same."""

    rule: str
    one: RouteRequest
    other: RouteRequest
    cure: str
    """What to write instead."""
    piece: str = ""
    """The part of the path that is spelled in two ways; empty: the Host is."""
    is_advice: bool = False
    """Whether nobody may ever send the second spelling."""


class Comparer:
    """Tries pairs, and makes findings of those that part."""

    def __init__(
        self, run: Runner, afresh: Afresh, terrain: Terrain, is_spent: Callable[[], bool]
    ) -> None:
        self._run = run
        self._afresh = afresh
        self._terrain = terrain
        self._is_spent = is_spent
        self._proofs = 0
        self._host_literals = {text.lower() for text in terrain.literals if is_host_name(text)}
        self._host_keyed: set[str] = set()

    def findings(self, kept: list[Run]) -> Iterator[Finding]:
        """Yield a finding for each rule and line, for the first pair that shows it."""
        self._host_keyed = {_pool_of(run) for run in kept if _is_keyed_by_host(run)}
        found: set[tuple[str, int | None]] = set()
        for run in kept:
            if run.outcome.error is not None:
                continue
            for pair in _pairs(run):
                finding = self._compared(pair, found)
                if finding is not None:
                    found.add((finding.rule, finding.line))
                    yield finding

    def _compared(self, pair: Pair, found: set[tuple[str, int | None]]) -> Finding | None:
        if self._proofs >= LINT_PROOFS or self._is_spent():
            return None
        self._proofs += 1
        one, other = self._run(pair.one, UNFORCED), self._run(pair.other, UNFORCED)
        if _agree(one, other) or (pair.rule, one.parts_from(other)) in found:
            return None
        # What a call before has left behind, or a random number, may be all the difference.
        one, other = self._afresh(pair.one), self._afresh(pair.other)
        line = one.parts_from(other)
        if _agree(one, other) or (pair.rule, line) in found:
            return None
        if pair.is_advice and self._is_name_space(one, other):
            return None
        severity = self._severity(pair, one, other)
        if severity is Severity.ADVICE and self._is_open_ended(pair):
            return None
        return Finding(pair.rule, severity, line, _message(pair, severity, one, other))

    def _is_open_ended(self, pair: Pair) -> bool:
        """Tell whether the part of the path may hold slashes: it is the rest of it, and no name."""
        longer = f"a/{pair.piece}"
        run = self._run(changed(pair.one, path=_put(pair.one.path, pair.piece, longer)), UNFORCED)
        return any(piece.lower().endswith(longer.lower()) for piece in run.pieces)

    def _severity(self, pair: Pair, one: Run, other: Run) -> Severity:
        """A part of a path may be a name in which case matters; advice accuses nobody."""
        if not pair.piece:
            return Severity.WARNING
        if pair.rule == "percent_encoding":
            return Severity.ADVICE if pair.is_advice else Severity.WARNING
        is_compared = pair.piece in self._host_literals
        is_host = self._is_name_space(one, other) or is_compared
        return Severity.WARNING if is_host else Severity.ADVICE

    def _is_name_space(self, one: Run, other: Run) -> bool:
        """Tell whether the keys there are hosts, so that no other text belongs among them."""
        return bool({_pool_of(one), _pool_of(other)} & self._host_keyed)


def _agree(one: Run, other: Run) -> bool:
    if one.outcome.error is not None and other.outcome.error is not None:
        return True
    return one.outcome == other.outcome


def _pool_of(run: Run) -> str:
    return (run.outcome.target or "").partition("/")[0]


def _is_keyed_by_host(run: Run) -> bool:
    key = run.outcome.key
    return bool(key) and key in (run.request.host, run.request.raw_host)


def _message(pair: Pair, severity: Severity, one: Run, other: Run) -> str:
    is_sure = severity is not Severity.ADVICE
    said = f"{shown(pair.one)} {one.outcome.words}, and {shown(pair.other)} {other.outcome.words}"
    return f"{said}{', though both mean the same' * is_sure}; {pair.cure}"


def _pairs(run: Run) -> Iterator[Pair]:
    yield from _host_pairs(run.request)
    yield from _name_pairs(run)
    yield from _percent_pairs(run)


def _host_pairs(request: RouteRequest) -> Iterator[Pair]:
    host = request.host
    if not host or host.startswith("["):
        return
    spellings = (
        ("case_sensitive_key", in_capitals(host), "raw_host:lower()"),
        ("case_sensitive_key", host.upper(), "raw_host:lower()"),
        ("port_in_key", f"{host}:80", 'raw_host:gsub(":%d+$", "")'),
        ("trailing_dot", f"{host}.", 'raw_host:gsub("%.$", "")'),
    )
    plain = with_host(request, host)
    for rule, raw_host, by_hand in spellings:
        spelled = with_host(request, raw_host)
        if plain is not None and spelled is not None:
            cure = (
                "use request.host, which is lower-case and has neither port nor final dot, "
                f"or {by_hand}"
            )
            yield Pair(rule, plain, spelled, cure)


def _segments(run: Run) -> Iterator[str]:
    """Yield what `route` cut out of the path and is a whole part of it, between two slashes."""
    segments = {segment.lower(): segment for segment in run.request.path.split("/") if segment}
    for piece in dict.fromkeys(run.pieces):
        if piece.lower() in segments:
            yield segments[piece.lower()]


def _name_pairs(run: Run) -> Iterator[Pair]:
    path = run.request.path
    for piece in _segments(run):
        if not is_host_name(piece):
            continue
        small, large = (
            changed(run.request, path=_put(path, piece, spelled))
            for spelled in (piece.lower(), in_capitals(piece))
        )
        cure = (
            "if this part of the path names a host, or anything else whose case does not matter, "
            "use it lower-cased: name:lower()"
        )
        yield Pair("case_sensitive_key", small, large, cure, piece.lower())


def _percent_pairs(run: Run) -> Iterator[Pair]:
    cure = (
        "a path comes as the client coded it: decode it before it is compared, with "
        'path:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end)'
    )
    for one, other in percent_spellings(run.request.path):
        yield Pair(
            "percent_encoding",
            changed(run.request, path=one),
            changed(run.request, path=other),
            cure,
            "path",
        )
    for piece in _segments(run):
        if NAME.lower() == piece.lower():
            coded = changed(run.request, path=_put(run.request.path, piece, FREE_TEXT))
            small = changed(run.request, path=_put(run.request.path, piece, FREE_TEXT.lower()))
            yield Pair("percent_encoding", coded, small, cure, FREE_TEXT, is_advice=True)


def _put(path: str, piece: str, spelled: str) -> str:
    return "/".join(spelled if part == piece else part for part in path.split("/"))
