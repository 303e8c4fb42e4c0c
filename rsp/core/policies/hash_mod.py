"""`hash_mod`: the hash of the key modulo the number of available backends.

It spreads keys well and moves most of them whenever that number changes; `hash` does not. It is
here because many proxies do it, and because seeing it happen is worth a great deal.
"""

from collections.abc import Callable, Mapping, Sequence

from rsp.core.backends import Backend, BackendLoad
from rsp.core.policies.key_hash import key_hash


class HashMod:
    """Picks by position. Weights play no part."""

    __slots__ = ()
    uses_key = True

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the backend at position hash modulo length."""
        return available[key_hash(key) % len(available)]
