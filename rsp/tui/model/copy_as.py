"""One row in the forms that other tools take: JSON, a curl command, filters of ss and tcpdump.

What strangers sent is quoted for the shell and made safe for the terminal into which it is pasted.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rsp.core.addresses import UNIX_PREFIX
from rsp.core.decision_rows import DecisionRow
from rsp.core.exchange_rows import ExchangeRow
from rsp.core.replies import ConnectionRow, EventRow, PoolRow
from rsp.core.sanitise import json_of, safe
from rsp.tui.model.backends import BackendLine
from rsp.tui.model.session_columns import state_of

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_DOTS = re.compile(r"/\.{1,2}(?=[/?]|$)")
_ADDRESS = re.compile(r"(?!unix:)(\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):([0-9]{1,5})")
_ANY_HOST = ("0.0.0.0", "[::]", "*", "")
_CELL_CHARACTERS = 200
"""A cell of a Markdown row shows at most this much of a stranger's text."""
_PLAIN_CELL = " /.,:-"


class Copy(NamedTuple):
    """One form of a row."""

    key: str
    """The key that picks it."""
    label: str
    text: str


class Asked(NamedTuple):
    """A request as far as a row knows it, and the `host:port`, or `unix:/path`, at which it may be
    asked again."""

    method: str
    host: str
    path: str
    at: str


def reachable(listener: str) -> str:
    """Return the address of a listener as one can reach it, `host:port` or `unix:/path`; empty
    when there is none."""
    host, _, port = listener.rpartition(":")
    return f"{'127.0.0.1' if host in _ANY_HOST else host}:{port}" if port else ""


def copies_of_session(row: ConnectionRow) -> list[Copy]:
    """Return the forms of a session; the detail of one has its calls in the JSON."""
    request = row.request
    asked = None
    if request is not None:
        asked = Asked(request.method, request.host, request.path, reachable(row.listener))
    peers = [row.client.address, *([row.backend.address] if row.backend else [])]
    cells = {
        "session": row.id,
        "state": state_of(row)[1],
        "client": row.client.address,
        "request": f"{request.method} {request.host}{request.path}" if request else None,
        "status": row.response.status if row.response else None,
        "backend": f"{row.route.pool}/{row.route.backend}" if row.route else None,
        "unsent bytes": row.client.unsent_bytes,
        "EAGAIN": row.client.eagain_writes,
        "age": f"{row.age_s:.1f} s",
    }
    return _copies(row, asked, peers, cells)


def copies_of_exchange(row: ExchangeRow, at: str, backend_address: str) -> list[Copy]:
    """Return the forms of a finished exchange; `at` is the listener to ask again at."""
    asked = Asked(row.method, row.host, row.path, at)
    cells = {
        "began": row.at,
        "session": row.session,
        "client": row.client,
        "request": f"{row.method} {row.host}{row.path}",
        "status": row.status,
        "backend": f"{row.pool}/{row.backend}" if row.backend else None,
        "took": f"{row.duration_s:.3f} s",
        "bytes": row.response_bytes,
        "result": row.result,
    }
    return _copies(row, asked, [row.client, backend_address], cells)


def copies_of_decision(row: DecisionRow, at: str, backend_address: str) -> list[Copy]:
    """Return the forms of a routing decision; `at` is the listener to ask again at."""
    asked = Asked(row.method, row.host, row.path, at) if row.method else None
    cells = {
        "decision": row.seq,
        "at": row.at,
        "session": row.session,
        "request": f"{row.method} {row.host}{row.path}".strip() or None,
        "backend": f"{row.pool}/{row.backend}" if row.backend else None,
        "key": row.key,
        "reason": row.error or row.reason,
    }
    return _copies(row, asked, [backend_address], cells)


def copies_of_backend(line: BackendLine) -> list[Copy]:
    """Return the forms of a backend; its curl command asks it directly, past the proxy."""
    row = line.row
    cells = {
        "backend": line.key,
        "address": row.address,
        "state": row.state,
        "weight": row.weight,
        "sessions": row.sessions,
        "total": row.total,
        "failures": row.failures,
        "last error": row.last_error,
    }
    return _copies(row, Asked("GET", row.address, "/", row.address), [row.address], cells)


def copies_of_event(row: EventRow) -> list[Copy]:
    """Return the forms of an event."""
    cells = {
        "event": row.seq,
        "at": row.at,
        "level": row.level,
        "source": row.source,
        "session": row.session,
        "message": row.message,
    }
    return _copies(row, None, [], cells)


def address_of(pools: Iterable[PoolRow], pool: str | None, backend: str | None) -> str:
    """Return the address of a backend by its names; empty when it is not there any more."""
    for found in pools:
        for row in found.backends if found.name == pool else ():
            if row.name == backend:
                return row.address
    return ""


def _copies(
    row: msgspec.Struct, asked: Asked | None, peers: Sequence[str], cells: Mapping[str, object]
) -> list[Copy]:
    made = [
        Copy("j", "JSON", json_of(row)),
        Copy("c", "curl", curl_command(asked) if asked else ""),
        Copy("s", "ss", ss_command(peers)),
        Copy("t", "tcpdump", tcpdump_command(peers)),
        Copy("m", "Markdown", markdown_row(cells)),
    ]
    return [copy for copy in made if copy.text]


def curl_command(asked: Asked) -> str:
    """Return the command that sends such a request again; empty when nobody knows where to.

    Its body and its other header fields are not known here. A target that curl would change
    (`..`, `#`, brackets) goes out as it is by `--request-target`; only what is no ASCII goes out as
    UTF-8, and a control character as its picture.
    """
    if asked.at.startswith(UNIX_PREFIX + "/"):
        # The socket is named beside the URL, whose host goes into the Host field only.
        words, authority = (
            ["curl", "-v", "--unix-socket", asked.at[len(UNIX_PREFIX) :]],
            "localhost",
        )
    elif _ADDRESS.fullmatch(asked.at) is not None:
        words, authority = ["curl", "-v"], asked.at
    else:
        return ""
    if asked.method == "HEAD":
        words.append("--head")
    elif asked.method != "GET":
        words += ["-X", asked.method]
    if asked.host != asked.at:
        # Without a value the header field is left out, as it was.
        words += ["-H", f"Host: {asked.host}".rstrip()]
    is_plain = _PLAIN_PATH.fullmatch(asked.path) and not _DOTS.search(asked.path)
    if is_plain:
        words.append(f"http://{authority}{asked.path}")
    else:
        words += ["--request-target", asked.path, f"http://{authority}/"]
    return shlex.join(safe(word, len(word)) for word in words)


def try_command(listener: str) -> str:
    """Return the command that sends a first request to a listener."""
    return curl_command(Asked("GET", listener, "/", listener))


def ss_command(peers: Iterable[str]) -> str:
    """Return the command that shows these peers' sockets, with TCP_INFO and queues (ss(8))."""
    parts = [f"dst {host}:{port}" for host, port in _addresses(peers)]
    return shlex.join(["ss", "-tinm", " or ".join(parts)]) if parts else ""


def tcpdump_command(peers: Iterable[str]) -> str:
    """Return the command that records what passes between us and these peers (pcap-filter(7))."""
    parts = [f"(host {host.strip('[]')} and port {port})" for host, port in _addresses(peers)]
    return shlex.join(["tcpdump", "-ni", "any", " or ".join(parts)]) if parts else ""


def _addresses(peers: Iterable[str]) -> list[tuple[str, str]]:
    """Return host and port of what is an address and nothing else: a filter is a language, too."""
    found = [_ADDRESS.fullmatch(peer) for peer in peers]
    return [(match[1], match[2]) for match in found if match is not None]


def markdown_row(cells: Mapping[str, object]) -> str:
    """Return a table of one row. Nothing in a cell is markup, whoever wrote it."""
    head = " | ".join(cells)
    rule = "|".join("---" for _ in cells)
    return f"| {head} |\n|{rule}|\n| {' | '.join(map(_cell, cells.values()))} |"


def _cell(value: object) -> str:
    if value is None or isinstance(value, int):
        return "" if value is None else str(value)
    clean = safe(str(value), _CELL_CHARACTERS)
    if not {"|", "`", "\\"}.intersection(clean):
        return f"`{clean}`" if clean.strip() else ""
    # These three cannot stand between backticks in a table; as a number no character is markup.
    return "".join(c if c.isalnum() or c in _PLAIN_CELL else f"&#{ord(c)};" for c in clean)
