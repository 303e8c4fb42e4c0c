"""The numbers of Lua: of `route` itself, of its traces and previews, and of the lint.

Beside `limits.py`, which has those of the traffic; what a configuration may set stands there.
"""

from rsp.core.limits import KIB, MIB

PROBE_ENTRIES = 4_000
"""Lines, tests and pieces of text that are written down of one call of `route` while it is linted.
Routes of ordinary length make some tens; the rest of a long loop tells nothing new."""

PROBE_CALL_S = 0.25
"""Processor time of one call while it is written down what it does: ten times `LUA_CALL_S`, for
each line is looked at."""

LINT_RUNS = 3_000
"""Made-up requests that `route` is asked about to find its ways; 0.2 ms each, so under a second."""

LINT_RECORDED = 1_000
"""Recorded requests that the lint begins with: a third of its runs, so that there is room for what
follows from them."""

LINT_PROOFS = 3_000
"""Further calls of `route` that show what is wrong with it; as many as there were before."""

LINT_CPU_S = 4.0
"""Processor time after which no further request is made up: a route that is dear in every call."""

LINT_DEAR_RUNS = 8
"""Calls of `route` that may spend their whole budget before no further request is made up: two
seconds of `PROBE_CALL_S`."""

LINT_LITERALS = 300
"""Texts in the source that are tried in requests. More are a list, whose first ones will do."""

LINT_TEXT_CHARACTERS = 512
"""Longest text that is put into a made-up request."""

LINT_CANDIDATES = 150
"""Requests that are tried against one condition which none has met yet."""

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

LUA_HOOK_INSTRUCTIONS = 100
"""The budget of a Lua call is looked at after this many instructions.

Few enough that the C functions called in between stay short together, many enough that a route
of ordinary length pays for one look or none.
"""

LUA_LOAD_S = 0.05
"""Processor time that a configuration may take to declare what there is."""

LUA_CALL_S = 0.02
"""Processor time that one call of `route` may take, whatever it executes: joining large strings
takes few instructions and much time. Far above any honest route, which takes microseconds; short
enough that everybody else waits for less than 50 ms (`make soak`, lua-attacks)."""

LUA_RESERVE_BYTES = 1 * MIB
"""A Lua runtime that comes this near to its memory limit is given up.

Arguments are handed to Lua outside any protected call, and running out of memory there would end
the process; the reserve is several times the largest request head.
"""

LUA_SUBJECT_BYTES = 64 * KIB
"""Longest text that a pattern is tried on: twice the default for a whole request head."""

LUA_RESULT_BYTES = 1 * MIB
"""Longest result of `string.rep`, `string.gsub` and `string.format`."""

LUA_PATTERN_BYTES = 1 * KIB
"""Longest Lua pattern."""

LUA_PATTERN_STEPS = 3_000_000
"""Most steps that a Lua pattern may need in the worst case on the text at hand: 20 to 45 ms."""

LUA_PATTERNS_KEPT = 200
"""Lua patterns whose worst case is remembered; more than any configuration writes."""

LUA_DECLARED_ENTRIES = 10_000
"""Most `listen`, `pool` and `limits` calls, and most entries of the table given to one."""

LUA_NESTED_CALLS = 50
"""`string.gsub`, `string.format`, `table.sort` and coroutines inside each other.

Each level takes up to 9 KiB of the C stack, of which a thread may have as little as 1 MiB.
"""

LUA_PRINT_BYTES = 4 * KIB
"""What one Lua call may print; the rest is dropped."""

LUA_ANSWER_BYTES = 8 * KIB
"""Longest name, key or reason that `route` may return: as long as a request target may be."""
