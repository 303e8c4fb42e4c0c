"""One call of `route` on a made-up request: what came of it, and what it looked at."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from rsp.core.backends import Pool
from rsp.core.http1.errors import BadMessage
from rsp.core.http1.host import parse_host
from rsp.core.policies import POLICIES
from rsp.core.route import RouteAnswer, RouteRequest

NOTHING_RETURNED = "route returned nothing"
"""How the sandbox says that a `route` came to its end without a `return`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a request goes, as far as `route` decides it."""

    target: str | None
    """`pool` or `pool/backend`; None: `route` failed."""
    key: str | None
    """What the policy hashes; None when it hashes nothing."""
    error: str | None = None

    @property
    def words(self) -> str:
        """This in a sentence: `goes to web with the key "a.test"`."""
        if self.target is None:
            return "is answered with an error"
        return f"goes to {self.target}" + (f' with the key "{self.key}"' if self.key else "")


@dataclass(frozen=True, slots=True)
class Test:
    """A text that was held against a pattern."""

    line: int
    text: str
    pattern: str
    is_plain: bool
    """Whether the pattern is a text to look for."""
    passed: bool

    @property
    def name(self) -> str:
        """What the sandbox calls it when it has to fail."""
        return f"{self.line}:{self.pattern}"


@dataclass(frozen=True, slots=True)
class Run:
    """One call, from its request to its outcome."""

    request: RouteRequest
    outcome: Outcome
    lines: tuple[int, ...]
    """Lines of the configuration in the order in which they ran."""
    tests: tuple[Test, ...] = ()
    arms: tuple[int, ...] = ()
    """Numbers of conditions in the order in which they were asked; negative: it was false."""
    pieces: tuple[str, ...] = ()
    """What string functions cut out of a text."""
    headers: tuple[str, ...] = ()
    """Fields that were asked for and are not there."""
    leaves_to_chance: bool = False
    """Whether it asked for the time or for a random number."""

    @property
    def last_line(self) -> int | None:
        """The line that returned; None when none ran."""
        return self.lines[-1] if self.lines else None

    def parts_from(self, other: "Run") -> int | None:
        """Return the last line that both ran before their ways part, else the one that returned."""
        shared = None
        for mine, theirs in zip(self.lines, other.lines, strict=False):
            if mine != theirs:
                return shared or mine
            shared = mine
        is_same_way = len(self.lines) == len(other.lines)
        return self.last_line if is_same_way else shared


@dataclass(frozen=True, slots=True)
class Forced:
    """What has to fail in a call, to see what would come after it."""

    arms: Collection[int] = ()
    tests: Collection[str] = ()


UNFORCED = Forced()

Runner = Callable[[RouteRequest, Forced], Run]
"""Calls `route` once. Nothing is raised: a failure is an outcome."""

Afresh = Callable[[RouteRequest], Run]
"""Calls `route` where no call before has left anything."""


@dataclass(frozen=True, slots=True)
class Terrain:
    """What a configuration is made of, as far as requests can meet it."""

    pools: Mapping[str, Pool]
    listeners: tuple[str, ...]
    literals: Mapping[str, tuple[int, ...]]
    """Texts in the source, each with its lines."""
    identities: tuple[str, ...] = ()
    """Patterns of paths whose capture names the same as the Host of other requests."""

    def line_of(self, text: str, near: int | None) -> int | None:
        """Return the line where `text` stands, the last one down to `near`; else `near`."""
        lines = self.literals.get(text, ())
        return max((line for line in lines if near is None or line <= near), default=near)

    def outcome(self, answer: RouteAnswer, request: RouteRequest) -> Outcome:
        """Return what an answer of `route` comes to."""
        pool = self.pools.get(answer.target)
        if pool is None or not POLICIES[pool.balance]().uses_key:
            return Outcome(answer.target, None)
        key = answer.key if answer.key is not None else request.host or request.client_ip
        return Outcome(answer.target, key)


def with_host(request: RouteRequest, raw_host: str) -> RouteRequest | None:
    """Return the same request for another Host; None when that is not a valid one."""
    try:
        host, _ = parse_host(raw_host.encode("latin-1", "replace"))
    except BadMessage:
        return None
    fields = [(name, value) for name, value in request.fields if name.lower() != b"host"]
    fields.insert(0, (b"Host", raw_host.encode("latin-1", "replace")))
    return RouteRequest(
        request.method,
        request.path,
        request.query,
        host,
        raw_host,
        fields,
        request.client_ip,
        request.listener,
    )


def identity_of(request: RouteRequest) -> tuple[object, ...]:
    """Return what makes two requests the same one."""
    return (
        *(request.method, request.path, request.query, request.host, request.raw_host),
        *(tuple(request.fields), request.client_ip, request.listener),
    )


def shown(request: RouteRequest) -> str:
    """Return a request as a sentence names it: `GET http://a.test/x`."""
    query = f"?{request.query}" if request.query else ""
    return f"{request.method} http://{request.raw_host}{request.path}{query}"
