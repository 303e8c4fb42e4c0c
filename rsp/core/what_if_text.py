"""What a preview found, in sentences: for `rsp ctl` and for the dialog of a reload alike."""

from collections.abc import Iterator

from rsp.core.what_if_rows import KeyShare, Move, WhatIf

ONLY_CAPITALS = "all of these have capitals in their keys: no lower-case key moves"
"""What a change of spelling that harms nobody comes to."""

_LISTED = 8
"""Moves, and backends, that are named in words; `--json` has more."""


def what_if_lines(found: WhatIf) -> list[str]:
    """Return what the recorded requests would do, unsanitised: the sums first."""
    return [*sums(found), *_moves(found), *_shares(found)]


def sums(found: WhatIf) -> list[str]:
    """Return how many requests would move, find nobody, or fail; then what moves of all keys."""
    keys = [key_sentence(each) for each in found.keys]
    if not found.recorded:
        return ["no request is recorded yet, so nobody can be seen to move", *keys]
    lines = [_moved(found)]
    if found.moved and found.moved == found.moved_capitals:
        lines.append(ONLY_CAPITALS)
    if found.unrouted:
        lines.append(f"{found.unrouted:,} would find no backend")
    if found.errors:
        lines.append(f"for {found.errors:,} route would fail: {found.first_error}")
    if found.cannot_be_known:
        pools = ", ".join(f"{name} ({policy})" for name, policy in found.cannot_be_known.items())
        lines.append(f"cannot be known (load or turns decide): the backends of {pools}")
    if found.not_held:
        lines.append(f"{found.not_held:,} more are remembered without what they were made for")
    return lines + keys


def _moved(found: WhatIf) -> str:
    if found.moved:
        return f"{found.moved:,} of {found.recorded:,} recorded requests would go elsewhere"
    if found.cannot_be_known:
        return f"of {found.recorded:,} recorded requests none is known to move"
    return f"none of {found.recorded:,} recorded requests would move"


def _moves(found: WhatIf) -> Iterator[str]:
    for move in found.moves[:_LISTED]:
        yield f"  {move.count:>6,}  {move.from_} → {move.to}{_example(move)}"
    left = len(found.moves[_LISTED:]) + found.moves_left_out
    if left:
        yield f"          and {left:,} other ways"


def _example(move: Move) -> str:
    if not move.examples:
        return ""
    first = move.examples[0]
    return f"   {first.method} {first.host}{first.path}"


def _shares(found: WhatIf) -> Iterator[str]:
    changed = {
        key: share
        for key, share in found.shares.items()
        # What cannot be known at all is said above, once.
        if share.before != share.after
        and (share.before is None or share.after is None or abs(share.before - share.after) >= 5e-4)
    }
    for key, share in list(changed.items())[:_LISTED]:
        yield f"  {key}: {_percent(share.before)} → {_percent(share.after)} of the requests"
    if len(changed) > _LISTED:
        yield f"  and {len(changed) - _LISTED:,} more backends"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"


def key_sentence(keys: KeyShare) -> str:
    """Return what another number of backends does to the keys of a pool."""
    said = (
        f"pool {keys.pool}: {keys.before} → {keys.after} backends move {keys.moved:.0%} of all keys"
    )
    if keys.moved > keys.moved_by_hash:
        said += f' (balance = "hash" would move {keys.moved_by_hash:.0%})'
    return f"{said}; two spellings of one name meet by luck in {keys.together:.0%}"
