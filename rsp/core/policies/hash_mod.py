"""`hash_mod`: the hash of the key modulo the number of available backends.

It spreads keys well and moves most of them whenever that number changes; `hash` does not. It is
here because many proxies do it, and because seeing it happen is worth a great deal.
"""

from collections.abc import Callable, Mapping, Sequence

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.foresight import Foresight
from rsp.core.policies.key_hash import key_hash


class HashMod:
    """Picks by position. Weights play no part."""

    __slots__ = ()
    uses_key = True
    foresight = Foresight.EXACT

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the backend at position hash modulo length."""
        return available[key_hash(key) % len(available)]

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Return the hash, and the position that it gives."""
        hashed, count = key_hash(key), len(available)
        position = hashed % count
        return PolicyRow(
            f"the hash of the key modulo {count} is {position}: {available[position].name}",
            hash=f"{hashed:#018x}",
            position=position,
        )
