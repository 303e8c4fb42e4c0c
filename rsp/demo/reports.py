"""What the demo and its world tell each other, one JSON line each."""

import msgspec


class SitesAreOpen(msgspec.Struct, tag=True):
    """First line of the world."""

    addresses: dict[str, str]
    """`host:port` by backend name."""


class EngineIsHere(msgspec.Struct):
    """The demo's answer: where the traffic goes, and what the world must end at the end."""

    proxy: str
    """`host:port` of the engine's listener."""
    pid: int


class Outcome(msgspec.Struct, tag=True):
    """Something that a story measured."""

    is_good: bool
    """Whether this is how it should be."""
    text: str
    missing_bytes: int = 0
    """Of a page: how many of its bytes the client never got."""
    first_bad_offset: int | None = None
    """And where the first byte stands that is not the page's."""
