"""The numbers of breakpoints and of looking at bytes, as `limits.py` has the others."""

BREAK_GOES_ON_S = 60.0
"""Who stopped goes on by itself after this: most peers give a silent one a minute."""

BREAK_WARN_SHARE = 0.8
"""Beyond this share of an allowance that stands still meanwhile, a stop carries a warning."""

BREAKS_AT_ONCE = 32
"""More breakpoints than this at a time are refused: each is looked at after every call."""

PEEK_BYTES = 32 * 1024
"""Bytes kept of what each side of a watched session sent last: the longest head."""
PEEK_LOOK_BYTES = 8 * 1024
"""Where they are cut, secrets are looked for on either side of it: the longest field."""

PENDING_SHOWN_BYTES = 64 * 1024
"""Bytes that wait in a stopped session, of which one answer shows this many."""

TIMER_STEP_S = 0.001
"""The loop's own timers have steps of this (uv_timer_start)."""
