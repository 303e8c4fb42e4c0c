"""Every number of the lint, with its unit and its reason."""

PROBE_ENTRIES = 4_000
"""Lines, tests and pieces of text that are written down of one call of `route` while it is linted.
Routes of ordinary length make some tens; the rest of a long loop tells nothing new."""

PROBE_CALL_S = 0.25
"""Processor time of one call while it is written down what it does: ten times `LUA_CALL_S`, for
each line is looked at."""

LINT_RUNS = 3_000
"""Made-up requests that `route` is asked about to find its ways; 0.2 ms each, so under a second."""

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
