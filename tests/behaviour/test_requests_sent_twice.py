"""A backend dies under a request: an unsafe one arrives once at most, others are sent again.

Five points of death, nine methods, six bodies, by FIN and by RST, on a connection that had served
before and on a fresh one. How often a request arrived is counted where it matters: at the backend.
"""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S
from tests.behaviour.wire import Truncated, Wire, chunked, numbered, request, response

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH", "PROPFIND", "LOCK")
SAFE_TO_REPEAT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
BODIES = {
    "none": None,
    "empty": b"",
    "small": numbered(100),
    "chunked": numbered(3_000),
    "pieces": numbered(60_000),
    "large": numbered(200_000),
}
AT_ONCE_BYTES = 1_000
"""So much of a body is sent with the head; the rest when the head has arrived somewhere."""

POOLS = 2 * len(METHODS) * len(BODIES)
WORKERS = 12
ANSWER = response("200 OK", numbered(500))
LAST_ANSWER = response("200 OK", numbered(500), "Connection: close")


class Case(NamedTuple):
    """One death of one connection under one request."""

    point: str
    method: str
    body: str
    ending: str
    is_reused: bool = True

    @property
    def is_told_or_repeated(self) -> str:
        """What RFC 9110 (9.2.2) and the bound of what is kept make of it."""
        if self.point == "idle":
            return "whole once"
        if self.point == "response head":
            return "told once"
        if self.point == "response body":
            return "whole once" if self.method == "HEAD" else "cut off once"
        may_repeat = self.method in SAFE_TO_REPEAT and self.body != "large"
        return "whole twice" if self.is_reused and may_repeat else "told once"


class Trial:
    """One case as it happens: what its backend does, and what its client sees."""

    def __init__(self, number: int, case: Case) -> None:
        self.number = number
        self.case = case
        self.arrived = 0
        """Request heads that the backend has read."""
        self.bodies: list[bytes] = []
        """Those that the backend has read to their end."""
        self.head_has_arrived = threading.Event()
        self.answer_has_begun = threading.Event()
        self.end_is_ordered = threading.Event()
        self.has_ended = threading.Event()
        """The end of an idle connection is ordered from outside."""

    # -- the backend

    def serve(self, wire: Wire) -> bool:
        """Answer, or die, at the request whose head comes next; tell whether to go on."""
        asked = wire.read_head()
        if asked.path.endswith("/warm"):
            wire.read_body(asked)
            wire.send(ANSWER)
            return self.case.point != "idle" or self._end_when_told(wire)
        self.arrived += 1
        self.head_has_arrived.set()
        if self.arrived > 1 or self.case.point == "idle":
            self.bodies.append(wire.read_body(asked))
            wire.send(LAST_ANSWER)
            return False
        if self.case.point != "head":
            self.bodies.append(wire.read_body(asked))
        self._say_a_part(wire)
        self._end(wire)
        return False

    def _say_a_part(self, wire: Wire) -> None:
        if self.case.point == "response head":
            wire.send(ANSWER[:10])
        elif self.case.point == "response body":
            wire.send(ANSWER[:-100])
            # A reset may overtake what nobody has read yet.
            assert self.answer_has_begun.wait(PATIENCE_S)

    def _end_when_told(self, wire: Wire) -> bool:
        assert self.end_is_ordered.wait(PATIENCE_S)
        self._end(wire)
        self.has_ended.set()
        return False

    def _end(self, wire: Wire) -> None:
        if self.case.ending == "RST":
            wire.reset()
        else:
            wire.close()

    # -- the client

    def prepare(self, proxy: Engine) -> Wire:
        """Return a client, whose next request meets an idle backend connection if it shall."""
        client = proxy.connect()
        if self.case.is_reused:
            # An unsafe one: the client's first unsafe request gets a connection of its own.
            warm = request("POST", f"/{self.number}/warm", body=b"x", host=self.host)
            assert client.ask(warm).status == 200
        return client

    @property
    def host(self) -> str:
        return f"p{self.number % POOLS}"

    def send_first(self, client: Wire) -> bytes:
        """Send the head and the first part of the body; return the rest of it."""
        whole = self._request()
        at_once = whole.index(b"\r\n\r\n") + 4 + AT_ONCE_BYTES
        client.send(whole[:at_once])
        return whole[at_once:]

    def _request(self) -> bytes:
        body = BODIES[self.case.body]
        line = (self.case.method, f"/{self.number}/case")
        if body is None or self.case.body != "chunked":
            return request(*line, host=self.host, body=body)
        pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
        chunks = request(*line, "Transfer-Encoding: chunked", host=self.host)
        return chunks + chunked(*pieces)

    def finish(self, client: Wire, rest: bytes) -> str:
        """Send the rest, and return what the client made of it all."""
        if rest:
            assert self.head_has_arrived.wait(PATIENCE_S), self.case
            client.send_what_is_taken(rest)
        return f"{self._outcome(client)} {['never', 'once', 'twice', 'thrice'][self.arrived]}"

    def _outcome(self, client: Wire) -> str:
        try:
            answer = client.read_head()
            self.answer_has_begun.set()
            if self.case.method != "HEAD":
                answer.body = client.read_body(answer)
        except (Truncated, ConnectionResetError):
            return "cut off"
        if answer.status == 502:
            return "told"
        assert answer.status == 200
        return "whole"

    def check_bodies(self) -> None:
        """Nothing of a body may be lost or doubled by a second try."""
        expected = BODIES[self.case.body] or b""
        assert all(body == expected for body in self.bodies), self.case


class Site:
    """The backend of all trials: the first part of a path says which one."""

    def __init__(self) -> None:
        self.trials: dict[int, Trial] = {}
        self._numbers = itertools.count()
        self.backend = Backend(self._serve)

    def _serve(self, wire: Wire) -> None:
        while self._trial_of(wire).serve(wire):
            pass

    def _trial_of(self, wire: Wire) -> Trial:
        while b" HTTP/" not in wire.rest_so_far():
            if not wire._more():
                raise Truncated("no further request")
        return self.trials[int(wire.rest_so_far().split(b"/")[1])]

    def trial(self, case: Case) -> Trial:
        trial = Trial(next(self._numbers), case)
        self.trials[trial.number] = trial
        return trial


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.backend.close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Engine]:
    directory = tmp_path_factory.mktemp("rsp")
    pools = "".join(pool(site.backend, name=f"p{number}") for number in range(POOLS))
    route = "function route(request) return request.host end\n"
    (directory / "config.lua").write_text(LISTEN + pools + route)
    started = Engine(directory, str(directory / "config.lua"))
    yield started
    started.close()


def cases(*points: str, is_reused: bool) -> list[Case]:
    every = itertools.product(points, METHODS, BODIES, ("FIN", "RST"), (is_reused,))
    return [Case(*row) for row in every]


def run(proxy: Engine, trial: Trial) -> str:
    client = trial.prepare(proxy)
    seen = trial.finish(client, trial.send_first(client))
    client.close()
    return seen


@pytest.mark.parametrize("is_reused", [True, False], ids=["reused", "fresh"])
@pytest.mark.parametrize("point", ["head", "whole request", "response head", "response body"])
def test_an_unsafe_request_arrives_once_and_a_safe_one_again(
    proxy: Engine, site: Site, point: str, is_reused: bool
) -> None:
    trials = [site.trial(case) for case in cases(point, is_reused=is_reused)]
    with ThreadPoolExecutor(WORKERS) as workers:
        seen = list(workers.map(lambda trial: run(proxy, trial), trials))
    for trial, outcome in zip(trials, seen, strict=True):
        assert outcome == trial.case.is_told_or_repeated, trial.case
        trial.check_bodies()
    assert site.backend.mistakes == []


def test_a_connection_that_dies_unnoticed_costs_no_request(proxy: Engine, site: Site) -> None:
    trials = [site.trial(case) for case in cases("idle", is_reused=True)]
    clients = [trial.prepare(proxy) for trial in trials]
    # While the engine stands still, each request comes first and then the end of the connection
    # that it is about to get: the poller tells of them in this order.
    with proxy.standing_still():
        rests = [trial.send_first(client) for trial, client in zip(trials, clients, strict=True)]
        for trial in trials:
            trial.end_is_ordered.set()
            assert trial.has_ended.wait(PATIENCE_S)
    with ThreadPoolExecutor(len(trials)) as workers:
        seen = list(workers.map(Trial.finish, trials, clients, rests))
    for trial, outcome in zip(trials, seen, strict=True):
        assert outcome == trial.case.is_told_or_repeated, trial.case
        trial.check_bodies()
