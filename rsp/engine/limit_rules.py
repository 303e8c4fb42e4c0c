"""What `limits { … }` may say: any number of `core/limits.py` by its name, within reason."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches

from rsp.core.config import ConfigError
from rsp.core.limits import KIB, MIB, Limits
from rsp.engine.nonblocking import NOTSENT_UNLIMITED

Refuse = Callable[[str], ConfigError]
"""Makes the error that names the file and the line."""

_DEFAULTS = Limits()
_NAMES = tuple(field.name for field in fields(Limits))

_MAY_BE_ZERO = frozenset(
    {
        *("request_body_bytes", "chunk_extension_bytes", "trailer_bytes"),
        *("backend_idle_connections", "max_connections_per_client"),
        *("client_body_bytes_per_s", "client_read_bytes_per_s"),
    }
)

LARGEST = 1 << 40
"""No limit, and no number of seconds elsewhere, is larger: a terabyte, or 35,000 years. What is
beyond it is a slip of the keyboard."""

_RANGES: Mapping[str, tuple[int, int]] = {
    # Below this, two stalled readers would be more than it.
    "memory_budget_bytes": (1 * MIB, LARGEST),
    # What setsockopt(2) takes.
    "notsent_lowat_bytes": (1, NOTSENT_UNLIMITED),
    # A head is copied into Lua as a whole, where there is a reserve for it.
    "head_bytes": (1 * KIB, 128 * KIB),
    "lua_memory_bytes": (4 * MIB, 1024 * MIB),
    # Below this, a configuration that only returns a name would not run.
    "lua_instructions": (1_000, 1_000_000_000),
}


def limits_from(calls: Sequence[tuple[Refuse, Mapping[str | int, object]]]) -> Limits:
    """Return the limits after every `limits { … }` call, in their order; later ones win.

    Raises:
        ConfigError: an unknown name, a value of the wrong kind or size, or marks that contradict
            each other.
    """
    limits = _DEFAULTS
    for refuse, table in calls:
        changes: dict[str, int | float] = {}
        for name, value in table.items():
            if name not in _NAMES:
                raise refuse(f"limits has no {name!s}; {nearest(str(name), _NAMES)}")
            changes[str(name)] = _checked(refuse, str(name), value)
        limits = replace(limits, **changes)  # type: ignore[arg-type]
        _check_marks(refuse, limits)
    return limits


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the words that lead from a misspelt `word` to what there is."""
    close = get_close_matches(word, known, 1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"there is {', '.join(known)}" if known else "there is none"


def _checked(refuse: Refuse, name: str, value: object) -> int | float:
    is_whole = isinstance(getattr(_DEFAULTS, name), int)
    kind = "a whole number" if is_whole else "a number of seconds"
    if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
        raise refuse(f"limits: {name} is {value!r}; it must be {kind}")
    low, high = _RANGES.get(name, (0, LARGEST))
    if value == 0 and name not in _MAY_BE_ZERO:
        raise refuse(f"limits: {name} must be more than 0")
    if not math.isfinite(value) or not low <= value <= high:
        raise refuse(f"limits: {name} is {value:,}; it must be from {low:,} to {high:,}")
    return value if is_whole else float(value)


def _check_marks(refuse: Refuse, limits: Limits) -> None:
    if limits.low_water_bytes > limits.high_water_bytes:
        raise refuse(
            f"limits: low_water_bytes ({limits.low_water_bytes:,}) is above high_water_bytes "
            f"({limits.high_water_bytes:,}); a paused source would never be resumed"
        )
