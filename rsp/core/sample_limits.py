"""The numbers of sampling, each with its unit and its reason; the others stand in `limits.py`."""

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
