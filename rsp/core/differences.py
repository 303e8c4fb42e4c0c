"""What a new configuration changes, in sentences."""

from difflib import SequenceMatcher

from rsp.core.backends import BackendTable, Pool
from rsp.core.config import Config, by_key
from rsp.core.limits import COMPARED_LINES, SHOWN_LINES


def differences(
    old: Config, old_table: BackendTable, new: Config, new_table: BackendTable
) -> list[str]:
    """Return a sentence for each thing that differs between what runs and what would run."""
    sentences = _listeners(old, new)
    for name, pool in new_table.pools.items():
        before = old_table.pools.get(name)
        if before is None:
            sentences.append(f"added pool {name} ({len(pool.backends)} backends)")
        else:
            sentences += _pool(before, pool)
    sentences += [f"removed pool {name}" for name in old_table.pools if name not in new_table.pools]
    if old.limits != new.limits:
        sentences += [
            f"limit {name}: {getattr(old.limits, name)} → {getattr(new.limits, name)}"
            for name in old.limits.__dataclass_fields__
            if getattr(old.limits, name) != getattr(new.limits, name)
        ]
    if old.source != new.source and not sentences:
        sentences.append("the text of the file changed; listeners, pools and limits are the same")
        sentences += _lines(old.source.splitlines(), new.source.splitlines())
    return sentences


def _lines(old: list[str], new: list[str]) -> list[str]:
    """Return the first lines that went and that came, with their numbers, and how many more did."""
    same = _same_at_the_start(old, new)
    gone, come = old[same:], new[same:]
    same_at_the_end = _same_at_the_start(gone[::-1], come[::-1])
    gone, come = gone[: len(gone) - same_at_the_end], come[: len(come) - same_at_the_end]
    if max(len(gone), len(come)) > COMPARED_LINES:
        return [f"lines {same + 1} and following: {len(gone):,} went, {len(come):,} came"]
    found = []
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, gone, come, autojunk=False
    ).get_opcodes():
        if kind != "equal":
            went = enumerate(gone[old_from:old_to], same + old_from + 1)
            came = enumerate(come[new_from:new_to], same + new_from + 1)
            found += [f"line {number}: - {line.strip()}" for number, line in went]
            found += [f"line {number}: + {line.strip()}" for number, line in came]
    more = len(found) - SHOWN_LINES
    return [*found[:SHOWN_LINES], f"and {more:,} more lines"] if more > 0 else found


def _same_at_the_start(one: list[str], other: list[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _listeners(old: Config, new: Config) -> list[str]:
    before, after = by_key(old.listeners), by_key(new.listeners)
    sentences = [f"added listener {key[0]}" for key in after if key not in before]
    sentences += [f"removed listener {key[0]}" for key in before if key not in after]
    sentences += [
        f"changed listener {key[0]}"
        for key, listener in after.items()
        if key in before and before[key] != listener
    ]
    return sentences


_SETTINGS = (
    "balance", "host", "send_proxy", "forwarded", "health", "eject", "slow_start_s", "fallback",
    "queue", "sticky",
)  # fmt: skip


def _pool(old: Pool, new: Pool) -> list[str]:
    sentences = []
    for name in _SETTINGS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            sentences.append(f"pool {new.name}: {name} {_said(before)} → {_said(after)}")
    for backend in new.backends:
        was = old.by_name.get(backend.name)
        if was is None:
            sentences.append(f"added {backend.key} ({backend.address}, weight {backend.weight})")
            continue
        changed = [
            f"{name} {getattr(was, name)} → {getattr(backend, name)}"
            for name in ("address", "weight", "state", "max_connections")
            if getattr(was, name) != getattr(backend, name)
        ]
        if changed:
            sentences.append(f"{backend.key}: {', '.join(changed)}")
    sentences += [
        f"removed {backend.key} ({backend.address})"
        for backend in old.backends
        if backend.name not in new.by_name
    ]
    return sentences


def _said(value: object) -> str:
    """Return a value in words; every one that is empty, or 0, is off."""
    return "on" if value is True else str(value) if value else "off"
