"""The numbers of what is tried without traffic: traces of `route`, previews of a change.

Beside `limits.py`, and in its form; a configuration sets none of these.
"""

from rsp.core.limits import KIB, MIB

SHOWN_TARGET_BYTES = 256
"""The target of a remembered decision is cut to this: ten thousand of them must stay small."""

INPUTS_BYTES = 3 * MIB
"""What the decisions that are kept were made for may take, beside their rows: header lines that
differ, and long targets. With 10,000 targets of 100 bytes all inputs stay below 4 MiB. The oldest
go first: 10,000 requests fit when clients repeat their fields, 3,500 if 600 bytes of each vary."""

INPUT_RUN_BYTES = 250
"""What it costs to note that the header lines change: a tuple, its number, an entry of a dict."""

LUA_TRACE_S = 2.0
"""The same for a call that is traced: a hook for each line takes a hundred times as long. Its
instructions are counted as ever, so what is stopped for them in traffic is stopped here."""

TRACE_STEPS = 1_000
"""Lines of one call that are noted; a loop that runs longer is the same line again and again."""
TRACE_DEPTH = 200
"""Frames that are looked at to know how deep a line is."""
TRACE_LOCALS = 50
TRACE_ENTRIES = 8
"""Locals of a function, and entries of a table, that are shown."""
TRACE_VALUE_BYTES = 120
"""A string in a local is shown up to here: a host, a path, most header fields."""
TRACE_BYTES = 64 * KIB
"""All values of a trace together: what a person reads, and one piece of the control socket."""
TRACE_ROOM_BYTES = 8 * MIB
"""What a runtime that is traced may hold besides what the configuration may."""

WHAT_IF_S = 20.0
"""A job of the worker that takes longer is killed by the kernel (SIGALRM), and said to be. Ten
thousand requests take half a second; a `route` that spends its whole budget on each would take
200 s."""

WHAT_IF_GRACE_S = 5.0
"""The engine waits for this much longer for a worker to say so, then kills it as well."""

WHAT_IF_SLICE = 250
"""Inputs that are encoded in one turn of the loop: some 0.5 ms."""

WHAT_IF_MOVES = 100
"""Different moves that a preview lists, the most frequent first; the rest is counted."""

WHAT_IF_EXAMPLES = 3
"""Requests that are shown for each of them."""

SOURCES_KEPT = 8
"""Texts of configurations that were in force before, kept so that their decisions can be traced: at
most 8 MiB, and hardly ever more than a few KiB."""
