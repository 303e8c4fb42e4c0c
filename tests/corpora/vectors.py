"""The vectors of other projects, and what the manifest says of each.

The vectors stay outside this project; `manifest.toml` is ours. A request without a Host is in it a
second time with one (`+host`), or that rule would hide all others.
"""

import base64
import json
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
CORPORA = Path(os.environ.get("RSP_CORPORA", HERE.parents[2] / "shared" / "corpora"))
HOST_LINE = b"\r\nHost: added.example"

needs_corpora = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"no vectors in {CORPORA}; RSP_CORPORA can name their folder"
)


class Vector(NamedTuple):
    """One vector, and its entry in the manifest."""

    name: str
    wire: bytes
    must: str
    """`MUST_REJECT`, `MUST_FORWARD` or `EITHER`."""
    forwards: int
    """Of a request: how many whole ones reach a backend."""
    then: int
    """Of a request: the status of the reply of ours behind those; 0: there is none."""
    status: int
    """Of a response: what the client reads."""
    is_whole: bool
    """Of a response: whether the client reads it to its end."""


@cache
def manifest() -> dict[str, dict[str, Any]]:
    """Return the manifest: its entries by the names of the vectors."""
    entries: dict[str, dict[str, Any]] = tomllib.loads((HERE / "manifest.toml").read_text())
    return entries


def wires(kind: str) -> dict[str, bytes]:
    """Return what each vector of one kind has on the wire, by its name."""
    found: dict[str, bytes] = {}
    for file in sorted(CORPORA.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            said = json.loads(line)
            if said["kind"] != kind:
                continue
            name, wire = said["id"], base64.b64decode(said["bytes"])
            found[name] = wire
            if kind == "request" and b"\nhost:" not in wire.lower():
                own = wire.removeprefix(b"\r\n")
                found[f"{name}+host"] = own.replace(b"\r\n", HOST_LINE + b"\r\n", 1)
    return found


@cache
def vectors(kind: str) -> list[Vector]:
    """Return the vectors of one kind."""
    return [_vector(name, wire, manifest()[name]) for name, wire in wires(kind).items()]


def _vector(name: str, wire: bytes, said: dict[str, Any]) -> Vector:
    return Vector(
        name,
        wire,
        said["class"],
        said.get("forwards", 0),
        said.get("then", 0),
        said.get("status", 0),
        said.get("whole", True),
    )
