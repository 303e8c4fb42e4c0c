"""The form of toxiproxy's HTTP API: what its clients send, and its errors."""

from typing import Any

import msgspec

from rsp.core.faults.kinds import KINDS
from rsp.core.lab_limits import NAME_CHARACTERS
from rsp.core.wire import NOT_JSON


class ApiError(Exception):
    """A request that cannot be done: the words are toxiproxy's, and then ours."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    def body(self) -> dict[str, Any]:
        """Return it as toxiproxy's clients read it."""
        return {"error": str(self), "status": self.status}


class ProxyBody(msgspec.Struct):
    """A proxy, as it is sent; what is not given stays as it is."""

    name: str = ""
    listen: str = ""
    upstream: str = ""
    enabled: bool | None = None

    def needed_name(self, where: str = "") -> str:
        """Return the name. Raises `ApiError` when there is none, or it is too long."""
        if not self.name:
            raise ApiError(f"missing required field: name{where}", 400)
        if len(self.name) > NAME_CHARACTERS:
            words = f"a name has {NAME_CHARACTERS} characters at most"
            raise ApiError(f"bad request body: {words}{where}", 400)
        return self.name

    def needed_upstream(self, where: str = "") -> str:
        """Return the upstream. Raises `ApiError` when there is none."""
        if not self.upstream:
            raise ApiError(f"missing required field: upstream{where}", 400)
        return self.upstream

    def listen_address(self) -> str:
        """Return where to listen; a port alone is one of every address, as in Go."""
        listen = self.listen or "127.0.0.1:0"
        return f"0.0.0.0{listen}" if listen.startswith(":") else listen

    def is_enabled(self, *, otherwise: bool = True) -> bool:
        """Tell whether it is to be enabled."""
        return otherwise if self.enabled is None else self.enabled


class ToxicBody(msgspec.Struct):
    """A toxic, as it is sent."""

    name: str = ""
    type: str = ""
    stream: str = "downstream"
    toxicity: float | None = None
    attributes: dict[str, Any] | None = None

    def toxicity_or(self, otherwise: float) -> float:
        """Return for which share of the connections it is."""
        return otherwise if self.toxicity is None else self.toxicity

    def known_attributes(self, kind: str = "") -> dict[str, Any]:
        """Return the attributes that such a toxic has; others are ignored, as in toxiproxy."""
        known = KINDS[kind or self.type].values
        return {key: value for key, value in (self.attributes or {}).items() if key in known}


def read_body(raw: bytes, kind: Any) -> Any:
    """Return the JSON of a request as a `kind`.

    Raises:
        ApiError: it is none.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except NOT_JSON as error:
        raise ApiError(f"bad request body: {error}", 400) from error


def read_proxies(bodies: list[ProxyBody]) -> dict[str, ProxyBody]:
    """Return a list of proxies by their names.

    Raises:
        ApiError: one lacks something, or is there twice.
    """
    found: dict[str, ProxyBody] = {}
    for number, body in enumerate(bodies, 1):
        name = body.needed_name(f" at proxy {number}")
        body.needed_upstream(f" at proxy {number}")
        if name in found:
            raise ApiError(f'duplicate proxy name "{name}"', 500)
        found[name] = body
    return found
