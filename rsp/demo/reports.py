"""What the demo and its world tell each other, one JSON line each."""

import msgspec


class SitesAreOpen(msgspec.Struct, tag=True):
    """First line of the world."""

    addresses: dict[str, str]
    """`host:port` by backend name."""
    relay: str
    """`host:port` of the broken relay; empty when the scene has none."""


class EngineIsHere(msgspec.Struct):
    """The demo's answer: where the traffic goes, and what the world must clear away at the end."""

    proxy: str
    """`host:port` of the engine's listener."""
    pid: int
    directory: str


class Outcome(msgspec.Struct, tag=True):
    """Something that a story measured."""

    is_good: bool
    """Whether this is how it should be."""
    text: str
