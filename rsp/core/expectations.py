"""`-- expect:` lines: what a configuration says about itself, so that a machine can check it.

    -- expect: GET http://a.test/ -> web/web1 (host match)
    -- expect: GET http://a.test/ -H 'X-Beta: yes' -> beta
    -- expect: GET http://b.test/ -> 502 (names no pool)
    -- expect: CONNECT tcp://127.0.0.1:8443 -> tls

A pool alone leaves the backend to the policy. The words in parentheses are the reason, whole; for
an error they are a part of its message. `CONNECT tcp://…` is a connection to that tcp listener.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.host import parse_host
from rsp.core.route import RouteRequest
from rsp.core.routing import RouteDecision

_LINE = re.compile(r"\s*--\s*expect:(?P<text>.*)")
_OUTCOME = re.compile(r"(?P<target>[^\s()]+)\s*(?:\((?P<reason>.*)\))?")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_STATUS = re.compile(r"[45][0-9]{2}")

FORM = "write METHOD URL [-H 'Name: value'] -> POOL[/BACKEND] (reason)"


class ExpectationError(Exception):
    """A request or an `-- expect:` line that cannot be understood. The text says what is right."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        """The line of the file, counted from 1; None for a request from elsewhere."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that somebody wrote down: what `rsp explain` and an `-- expect:` line ask about."""

    method: str
    path: str
    query: str
    host: str
    """Lower-cased, without port."""
    raw_host: str
    fields: tuple[tuple[bytes, bytes], ...]
    tcp_listener: str | None = None
    """The address of the tcp listener that is connected to; None for an HTTP request."""

    def request(self, client_ip: str, listener: str) -> RouteRequest:
        """Return it as a request that came from `client_ip` in through `listener`."""
        return RouteRequest(
            self.method,
            self.path,
            self.query,
            self.host,
            self.raw_host,
            list(self.fields),
            client_ip,
            listener,
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """One `-- expect:` line."""

    line: int
    text: str
    asked: Asked
    pool: str | None
    backend: str | None
    """None: any of the pool, as its policy has it."""
    status: int
    """0: it is routed; else the status of the error that the client gets."""
    reason: str | None
    """None: any."""

    def difference(self, decision: RouteDecision) -> str | None:
        """Return what `decision` did instead, in a sentence; None when it is as expected."""
        got = described(decision)
        if decision.status != self.status:
            return f"it was {got}"
        if decision.backend is None:
            if self.reason is not None and self.reason not in (decision.error or ""):
                return f"it was {got}"
            return None
        backend = decision.backend
        if backend.pool != self.pool or self.backend not in (None, backend.name):
            return f"it was {got}"
        if self.reason is not None and self.reason != decision.reason:
            return f"the reason was ({decision.reason})"
        return None


def described(decision: RouteDecision) -> str:
    """Return a decision as the right side of an `-- expect:` line has it."""
    if decision.backend is None:
        return f"{decision.status} ({decision.error or decision.reason})"
    return f"{decision.backend.key} ({decision.reason})"


def expectations_in(source: str) -> list[Expectation]:
    """Return every `-- expect:` line of `source`, in its order.

    Raises:
        ExpectationError: the first one that cannot be understood.
    """
    return list(_expectations(source))


def _expectations(source: str) -> Iterator[Expectation]:
    for line, text in enumerate(source.splitlines(), 1):
        match = _LINE.match(text)
        if match:
            try:
                yield _expectation(line, match["text"].strip())
            except ExpectationError as error:
                raise ExpectationError(str(error), line) from error


def _expectation(line: int, text: str) -> Expectation:
    asked_text, arrow, outcome_text = text.partition("->")
    outcome = _OUTCOME.fullmatch(outcome_text.strip())
    if not arrow or outcome is None:
        raise ExpectationError(f'"{text}" says no outcome; {FORM}')
    try:
        words = shlex.split(asked_text)
    except ValueError as error:
        raise ExpectationError(f'"{text}": {error}; {FORM}') from error
    asked = _asked_from(words, text)
    target, reason = outcome["target"], outcome["reason"]
    if _STATUS.fullmatch(target):
        return Expectation(line, text, asked, None, None, int(target), _any_if_dots(reason))
    pool, slash, backend = target.partition("/")
    if not pool or bool(slash) != bool(backend):
        raise ExpectationError(f'"{target}" is no target; write POOL, POOL/BACKEND or a status')
    return Expectation(line, text, asked, pool, backend or None, 0, _any_if_dots(reason))


def _any_if_dots(reason: str | None) -> str | None:
    return None if reason in ("…", "...") else reason


def _asked_from(words: Sequence[str], text: str) -> Asked:
    plain: list[str] = []
    fields: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "-H":
            fields.append(next(rest, ""))
        else:
            plain.append(word)
    if len(plain) != 2:
        raise ExpectationError(f'"{text}" is not one method and one URL; {FORM}')
    return asked_for(plain[0], plain[1], fields)


def asked_for(method: str, url: str, field_lines: Iterable[str] = ()) -> Asked:
    """Return the request that a method, a URL and `Name: value` lines describe.

    The scheme may be left out. A `Host` among the fields wins over the host of the URL, as it
    would with curl. Text is UTF-8 on its way to bytes.

    Raises:
        ExpectationError: one of them cannot stand in a request.
    """
    if not _METHOD.fullmatch(method):
        raise ExpectationError(f'"{method}" is no method; write GET, POST, …')
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "http", url
    if scheme == "tcp":
        return Asked(method, "", "", "", "", (), tcp_listener=rest)
    if scheme.lower() not in ("http", "https"):
        raise ExpectationError(f'"{url}": {scheme} is not known here; write http://HOST/PATH')
    fields = [_field(line) for line in field_lines]
    authority, path, query = _split(rest)
    if re.search(r"[\x00-\x20\x7f]", path + query):
        raise ExpectationError(
            f'"{url}" has a blank or a control character in it; write %20 and the like'
        )
    named = [value for name, value in fields if name.lower() == b"host"]
    raw_host = named[0] if named else authority
    if not named:
        fields.insert(0, (b"Host", authority))
    try:
        host, _ = parse_host(raw_host)
    except BadMessage as error:
        raise ExpectationError(f'"{url}": {error.sentence} Write http://HOST/PATH') from error
    return Asked(method, path, query, host, raw_host.decode("latin-1"), tuple(fields))


def _split(rest: str) -> tuple[bytes, str, str]:
    """Return authority, path and query; the fragment is the browser's own affair."""
    without_fragment = _bytes(rest).partition(b"#")[0]
    end = re.search(rb"[/?]", without_fragment)
    at = end.start() if end else len(without_fragment)
    path, _, query = without_fragment[at:].partition(b"?")
    return without_fragment[:at], (path or b"/").decode("latin-1"), query.decode("latin-1")


def _field(line: str) -> tuple[bytes, bytes]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise ExpectationError(f"\"{line}\" is no header field; write 'Name: value'")
    return _bytes(match[1]), _bytes(match[2])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
