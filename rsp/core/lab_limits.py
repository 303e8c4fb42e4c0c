"""The numbers of what is only looked at or done on purpose: endings, faults, samples, breakpoints.

Beside `limits.py`, which has those of the traffic; a configuration sets none of these.
"""

from rsp.core.limits import MIB

KEEP_ALIVE_RACE_S = 0.5
"""A backend that ends a used connection this soon after a request, without a byte of a response,
was closing it already: longer than a round trip, shorter than any work that fails."""
KEEP_ALIVE_LEAST_S = 0.5
"""A connection that was idle for less than this has met nobody's timeout: they count in seconds."""

STORM_S = 10.0
"""Endings of the same kind within this are counted together: long enough for a deployment to show,
short enough that the alert goes when the trouble has gone."""

STORM_LEAST = 20
"""Fewer endings of the same kind than this are no storm: each has its own line among the events."""

STORM_SHARE = 0.1
"""Nor are they when they are a smaller part of all that ended meanwhile: where thousands come and
go, some always leave early. It seemed right; a site where every tenth client breaks off would
change it."""

TROUBLE_S = 60.0
"""What failed this long ago is told at the top of the screen: as long as somebody who was called
needs to get there."""
TROUBLE_LOOK_S = 1.0
"""It is gathered once in this time, however many look."""
TROUBLE_WAIT_S = 3.0
"""A request that waits longer than this is one of those that somebody complains about."""
TROUBLE_ERRORS_LEAST = 3
TROUBLE_ERRORS_SHARE = 0.05
"""So many answers from 500 on are told, and at least this share of all."""
FAILURES_DATED = 100
"""Of each backend the times of its last failures are kept; more are told as `100+`."""

FAULT_BURST_S = 0.05
"""What the fault `bandwidth` lets pass at once: the bytes of this time. Timers step by 1 ms."""

FAULTS_AT_ONCE = 100
"""More faults than this at a time are refused: each is looked at for every session."""

FAULT_VALUE_MOST = 1 << 40
"""No value of a fault is larger, in its own unit: a terabyte, 35 years of ms, 12 days of µs. Beyond
it is a slip of the keyboard, and what a gate makes of it may be no number any more."""

TOXIPROXY_BODY_BYTES = 1 * MIB
"""The body of a request to the toxiproxy API may be this long, thousands of proxies in one
`/populate`, and as long what is before it."""

FAULT_HIGH_WATER_BYTES = 4 * MIB
"""The high-water mark of a sink whose bytes a fault holds back: a second of 32 Mbit/s.

With the ordinary one, `latency` would make a slow path of a long one.
"""

AUDIT_CHECKPOINTS = 4096
"""Checkpoints kept for one direction that is compared: 256 MiB in reads of 64 KiB."""

AUDIT_BYTES = 1 * MIB
"""Lost bytes kept for one direction, until what leaves differs from them; mostly at once."""

SAMPLES_S = 60.0
"""The past of a side that is kept, at most: as long as the strips of the dashboard."""

FINE_SAMPLES = 64
"""Samples of one side that are kept as they came: 6 s at ten a second, a minute at one."""

COARSE_SAMPLES = 54
COARSE_SAMPLE_S = 1.0
"""Of those before them one of each second is kept; with them it is a minute."""

SAMPLE_BYTES = 112
"""One sample: 61 bytes, and what Python adds to them. A side at rest has 7 KB of them, one that is
looked at 13."""

SAMPLED_SIDES = 4_096
CALM_SIDES = 2_048
"""Sides that have samples at once, and how many of them because somebody looks at the list: 54 MB
at worst. The memory budget counts them, and they are forgotten when it is nearly used up."""

SAMPLING_ROUND_S = 1.0
"""Everybody's turn comes this often, while somebody looks."""

SAMPLING_REST_S = 10.0
"""After nobody has looked for this long, who is well is not sampled: it would be for nobody."""

SAMPLED_AFTER_LOOK_S = 3.0
"""A session that somebody looks at is sampled ten times a second for this long: at the slowest
rate of refreshing, the next look comes before."""

SAMPLES_PER_TICK = 200
"""Most samples in a tenth of a second. With more stalled connections than that each has its turn
less often. 1,000 sessions cost 1.3 to 1.9 % of a core when all are well, and 1.6 to 2.4 when all
clients are stalled (`python -m bench.sampling`, runs on two cores that others kept busy)."""

SAMPLES_PER_TURN = 50
"""After so many the traffic has its turn: 0.3 to 0.5 ms, and at p99 0.9 to 1.7 on
those busy cores (the same bench)."""

ACK_RATE_S = 10.0
"""How fast a peer takes bytes is measured over this: a slow one takes them in gulps, which may be
seconds apart."""

QUIET_S = 1.0
QUIET_SHARE = 3.0
"""Without an ACK for this many times as long as the wait should take, and for a second at least,
the rate of before says nothing any more."""

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

EDITS_FILE_BYTES = 1 * MIB
"""A state file may have this much: some 5,000 live edits of 200 bytes, which nobody makes by hand.
It is written whole at each change, so it must stay small."""

NAME_CHARACTERS = 255
"""Longest name of a pool, a backend, a fault or a proxy, and of who changes something: each change
is on record, in thousands, with all of them. As long as a name of DNS, which many of them are."""

QUOTED_CHARACTERS = 40
"""What cannot be a value is quoted in the refusal up to this length: 2^64 has 20 digits."""

EDITS_NAMED = 5
"""Restored edits that the log names in one line; `rsp ctl edits` has them all."""
