"""500 requests a second while somebody reloads and edits: not one fails, each sees one generation.

RSP_SOAK=1 runs 200 reloads and 300 edits.
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from rsp.cli.failure import Failure
from rsp.cli.link import Link
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.paced import Judge, load
from tests.behaviour.running import Engine
from tests.behaviour.scale import scaled
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, response

RELOADS = scaled(40, 200)
REQUESTS_PER_RELOAD = scaled(25, 150)
EDITS = scaled(60, 300)
REQUESTS_PER_EDIT = scaled(15, 50)


def say_host(message: Message) -> bytes:
    """Answer with the Host that the pool has put in: it names the generation."""
    return response("200 OK", (message.get("Host") or "").encode())


def version(number: int, *sites: Backend) -> str:
    """Return a configuration whose pool and whose route are of one generation only."""
    name = f"g{number}"
    route = f'function route(request) return "{name}" end\n'
    return LISTEN + pool(*sites, name=name, settings=f'host = "{name}",') + route


BROKEN = (
    "this is no Lua\n",
    LISTEN + 'error("as told")\n',
    LISTEN + "while true do end\n",
    LISTEN + pool("127.0.0.1:1") + "function route(request) return nothing.at_all end\n-- (\n(\n",
)


class Generations:
    """Which generations a request may have seen: those from its beginning to its end."""

    def __init__(self) -> None:
        self.done = 0
        """The last one that was in force before anybody went on."""
        self.begun = 0
        """The last one that somebody has asked for."""

    def judge(self) -> Judge:
        first = self.done

        def one(answer: Message) -> str:
            seen = re.fullmatch(r"g(\d+)", answer.body.decode())
            if answer.status == 200 and seen and first <= int(seen[1]) <= self.begun:
                return ""
            return f"{answer.start_line}: {answer.body!r} of {first} to {self.begun}"

        return one


@pytest.mark.timeout(scaled(180, 600))
def test_a_request_under_reloads_sees_exactly_one_generation(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = [backend(answer=say_host) for _ in range(2)]
    generations = Generations()
    proxy = engine(version(0, *sites))
    config = proxy.directory / "config.lua"
    with load(proxy, judge=generations.judge) as flowing:
        for number in range(RELOADS):
            if number % 2:
                config.write_text(BROKEN[number // 2 % len(BROKEN)])
                with pytest.raises(Failure, match="nothing was changed"):
                    proxy.ask("reload")
            else:
                generations.begun += 1
                config.write_text(version(generations.begun, *sites))
                assert proxy.ask("reload")["generation"] == generations.begun + 1
                generations.done = generations.begun
            flowing.let_pass(REQUESTS_PER_RELOAD)
    assert generations.done == RELOADS // 2


class Editor:
    """A control client of its own: it drains, weighs and readies two backends, and no others."""

    def __init__(self, proxy: Engine, who: str, targets: list[str]) -> None:
        self.who = who
        self.refusals: list[str] = []
        self._targets = targets
        self._link = Link(proxy.control)
        self._lock = threading.Lock()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        with self._lock:
            return msgspec.json.decode(self._link.ask_raw(method, params), type=dict[str, Any])

    def set(self, target: str, **changes: Any) -> None:
        """Change a backend, on the condition that nobody else has changed anything meanwhile."""
        while True:
            expected = self.ask("status")["generation"]
            try:
                self.ask(
                    "backend.set", target=target, who=self.who, if_generation=expected, **changes
                )
            except Failure as refusal:
                self.refusals.append(str(refusal))
            else:
                return

    def row(self, target: str) -> dict[str, Any]:
        pools = self.ask("backends")["pools"]
        return next(
            row for row in pools[0]["backends"] if f"{pools[0]['name']}/{row['name']}" == target
        )

    def work(self, rounds: int, let_pass: Any) -> None:
        """Do three edits a round: a drained backend may get nothing until it is ready again."""
        for number in range(rounds):
            target = self._targets[number % 2]
            self.set(target, state="drain")
            wait_until(lambda: self.row(target)["sessions"] == 0)  # noqa: B023
            total = self.row(target)["total"]
            let_pass()
            assert self.row(target)["total"] == total, "a drained backend got something new"
            self.set(target, weight=2 + number % 5)
            self.set(target, state="ready")

    def close(self) -> None:
        self._link.close()


@pytest.mark.timeout(scaled(180, 600))
def test_edits_of_two_people_cost_no_request_and_no_edit_of_the_other(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(*(backend() for _ in range(4))))
    editors = [
        Editor(proxy, "ann", ["web/web1", "web/web2"]),
        Editor(proxy, "bob", ["web/web3", "web/web4"]),
    ]
    rounds = EDITS // 3 // len(editors)
    with load(proxy) as flowing:
        with ThreadPoolExecutor(len(editors)) as people:
            work = [
                people.submit(editor.work, rounds, lambda: flowing.let_pass(REQUESTS_PER_EDIT))
                for editor in editors
            ]
        for done in work:
            done.result()
        flowing.let_pass(REQUESTS_PER_EDIT)
    assert proxy.ask("status")["generation"] == EDITS + 1
    for editor, other in zip(editors, reversed(editors), strict=True):
        for refusal in editor.refusals:
            assert re.search(rf"the generation is \d+, not \d+.*by {other.who} ", refusal)
        editor.close()
    # That a stale one is refused must not hang on two people being quick enough.
    with pytest.raises(Failure, match=r"the generation is \d+, not 1.*by (ann|bob) "):
        proxy.ask("backend.set", target="web/web1", weight=9, if_generation=1)
