"""Finds the ways through a `route`: requests that are made from what it looked at before.

Each call says which patterns were tried on which text. Texts that match are put in the place of
that text, texts of the source wherever they can stand. A request that shows something new is kept
and varied in its turn; so a pattern behind a condition behind a table is reached.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from rsp.core.linting.lua_patterns import texts_for
from rsp.core.linting.runs import (
    UNFORCED,
    Run,
    Runner,
    Terrain,
    Test,
    identity_of,
    with_host,
)
from rsp.core.lua_limits import LINT_LITERALS, LINT_RUNS, LINT_TEXT_CHARACTERS
from rsp.core.route import RouteRequest
from rsp.core.spellings import is_host_name

NAME = "IronHand.Example.com"
"""A domain name with capitals, as a person might write it."""

STRANGER = "nobody.example"
"""A host that no configuration knows."""

FILLINGS = (NAME, "7", "x-1")
"""What stands where a pattern leaves the text open."""

CLIENTS = ("203.0.113.7", "127.0.0.1", "10.0.0.7", "192.168.1.7", "2001:db8::7")
METHODS = ("GET", "POST", "DELETE", "OPTIONS")
FIELD_VALUES = ("1", "0", "9999", "yes")
"""What a field holds about which nothing is known but its name."""

_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]+")
_METHOD = re.compile(r"[A-Z]{3,12}")
_TARGET = re.compile(r"[\x21\x22\x24-\x7e]*")
"""What a request target may hold; see `http1/request.py`."""


class Exploration:
    """The calls that were made, and those among them that showed something new."""

    def __init__(self, run: Runner, terrain: Terrain, is_spent: Callable[[], bool]) -> None:
        self.kept: list[Run] = []
        self.arms: set[int] = set()
        """Every way that every condition went."""
        self.tests: dict[str, bool] = {}
        """Every test, and whether it ever passed."""
        self.leaves_to_chance = False
        self._run = run
        self._terrain = terrain
        self._is_spent = is_spent
        self._seen: set[object] = set()
        self._asked: set[tuple[object, ...]] = set()
        self._waiting: deque[Iterator[RouteRequest]] = deque()

    @property
    def runs(self) -> int:
        """How many requests were made up."""
        return len(self._asked)

    def explore(self, seeds: list[RouteRequest]) -> None:
        """Try `seeds`, and whatever follows from them, while there is room."""
        for seed in seeds:
            self.ask(seed)
        while self._waiting and self.runs < LINT_RUNS and not self._is_spent():
            # One request of each in turn: none of them may take all the room.
            variants = self._waiting.popleft()
            if (request := next(variants, None)) is not None:
                self.ask(request)
                self._waiting.append(variants)

    def ask(self, request: RouteRequest) -> Run | None:
        """Call `route`; None: it has been asked that already."""
        name = identity_of(request)
        if name in self._asked or len(request.path) > LINT_TEXT_CHARACTERS:
            return None
        self._asked.add(name)
        run = self._run(request, UNFORCED)
        self.arms.update(run.arms)
        for test in run.tests:
            self.tests[test.name] = self.tests.get(test.name, False) or test.passed
        self.leaves_to_chance |= run.leaves_to_chance
        news = set(self._signs(run)) - self._seen
        if news:
            self._seen |= news
            self.kept.append(run)
            self._waiting.append(variants_of(run, self._terrain))
        return run

    def _signs(self, run: Run) -> Iterator[object]:
        """Yield what a run shows; one that shows nothing new is not looked at any further."""
        outcome = run.outcome
        # A name that is made from the request is another one each time, and nothing new.
        is_written = outcome.target in self._terrain.literals
        yield "target", outcome.target if is_written else outcome.target is None
        yield "fails", outcome.error is not None, run.last_line
        yield "keyed", run.last_line, outcome.key in (run.request.host, run.request.raw_host)
        yield "named", run.last_line, any(map(is_host_name, run.pieces))
        for line in run.lines:
            yield "line", line
        for arm in run.arms:
            yield "arm", arm
        for test in run.tests:
            yield "test", test.name, test.passed
        for name in run.headers:
            yield "header", name.lower()


def variants_of(run: Run, terrain: Terrain) -> Iterator[RouteRequest]:
    """Yield the requests that what `run` looked at suggests."""
    for test in run.tests:
        yield from variants_for_test(run, test, FILLINGS)
    for name in dict.fromkeys(run.headers):
        for value in FIELD_VALUES:
            yield with_field(run.request, name, value)
    for method in METHODS:
        yield changed(run.request, method=method)
    for text in list(terrain.literals)[:LINT_LITERALS]:
        yield from variants_for_literal(run, text, terrain)
    for client in CLIENTS:
        yield changed(run.request, client_ip=client)
    for listener in terrain.listeners:
        yield changed(run.request, listener=listener)


def variants_for_test(run: Run, test: Test, fillings: tuple[str, ...]) -> Iterator[RouteRequest]:
    """Yield requests whose text at that place should pass `test`."""
    texts = [test.pattern] if test.is_plain else texts_for(test.pattern, fillings)
    for text in texts:
        yield from _with_text(run.request, test.text, text)


def variants_for_literal(run: Run, text: str, terrain: Terrain) -> Iterator[RouteRequest]:
    """Yield requests that hold a text of the source where it can stand."""
    request = run.request
    can_stand = text.startswith("/") or _TARGET.fullmatch(text)
    if not text or not can_stand or len(text) > LINT_TEXT_CHARACTERS or "\n" in text:
        return
    yield from _whole(request, text, terrain)
    for name in dict.fromkeys(run.headers):
        yield with_field(request, name, text)
    for piece in dict.fromkeys(run.pieces):
        if piece != text:
            yield from _with_text(request, piece, text)


def _whole(request: RouteRequest, text: str, terrain: Terrain) -> Iterator[RouteRequest]:
    """Yield the request with `text` as its path, host, method, client, listener or query."""
    if text.startswith("/"):
        yield changed(request, path=text)
        yield changed(request, path=f"{text.rstrip('/')}/{NAME}")
    elif (hosted := with_host(request, text)) is not None:
        yield hosted
    if _METHOD.fullmatch(text):
        yield changed(request, method=text)
    if _ADDRESS.fullmatch(text):
        yield changed(request, client_ip=text)
    if text in terrain.listeners:
        yield changed(request, listener=text)
    if request.query or "=" in text:
        yield changed(request, query=text)


def _with_text(request: RouteRequest, old: str, new: str) -> Iterator[RouteRequest]:
    """Yield the request with `new` in each place where `old` can have come from."""
    raw_host = replaced(request.raw_host, old, new)
    # A name of digits alone is nobody's.
    if raw_host is not None and not raw_host.replace(".", "").isdigit():
        hosted = with_host(request, raw_host)
        if hosted is not None:
            yield hosted
    for place in ("path", "query", "client_ip", "method"):
        if (value := replaced(getattr(request, place), old, new)) is not None:
            is_cut = place == "path" and not value.startswith("/")
            yield changed(request, **{place: f"/{value}" if is_cut else value})
    for name, held in request.fields:
        text = None if name.lower() == b"host" else replaced(held.decode("latin-1"), old, new)
        if text is not None:
            yield with_field(request, name.decode("latin-1"), text)


def replaced(whole: str, old: str, new: str) -> str | None:
    """Return `whole` with its first `old`, in any case, replaced; None: it is not there."""
    if not old:
        return new if not whole else None
    at = whole.lower().find(old.lower())
    if at < 0:
        return None
    return whole[:at] + new + whole[at + len(old) :]


def changed(request: RouteRequest, **changes: str) -> RouteRequest:
    """Return the same request with other values."""
    return msgspec.structs.replace(request, **changes)


def with_field(request: RouteRequest, name: str, value: str) -> RouteRequest:
    """Return the same request with one field more, or with another value of it."""
    key = name.encode("latin-1", "replace")
    fields = [field for field in request.fields if field[0].lower() != key.lower()]
    text = re.sub(r"[\r\n]", "", value).encode("latin-1", "replace")
    return msgspec.structs.replace(request, fields=[*fields, (key, text)])


def can_be_sent(request: RouteRequest) -> bool:
    """Tell whether the path is one that a request can have: visible ASCII."""
    return _TARGET.fullmatch(request.path) is not None
