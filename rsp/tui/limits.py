"""Every number of the dashboard, with its unit and its reason."""

PULLS_PER_S = (1, 2, 5, 10)
"""Snapshots a second that a person may choose: from a slow line to a close look."""

USUAL_PULLS_PER_S = 5
"""Snapshots a second at first: 5 is as fast as a person reads a changing number."""

SLOW_PULL_S = 1.0
"""Time between two looks at what changes rarely: backends, and everything while frozen."""

REST_SHARE = 4.0
"""After a round of pulls the dashboard rests at least this many times as long as the round kept its
processor busy, so that a large table or a slow machine costs a fifth of one core at most."""

CALL_S = 10.0
"""An engine that has not answered a pull within this is shown as gone."""

EVENTS_WAIT_S = 20.0
"""How long one long poll for events may stay open."""

EVENTS_BATCH = 1_000
"""Events asked for at once."""

RECONNECT_S = (0.2, 0.5, 1.0, 2.0)
"""Pauses before the next try to reach an engine that is gone; the last one repeats."""

REPLY_BYTES = 256 * 1024 * 1024
"""Longest reply line: 100,000 sessions of 2 KiB. Beyond it the reply is refused, not truncated."""

RESORT_S = 1.0
"""A list sorted by a moving value is sorted again this often, so that rows can be read."""

HOLD_S = 2.0
"""After a key press the order stands still for this long: rows do not run from under a finger."""

CLOSED_SHOWN_S = 2.0
"""A closed session stays in the list, dim, for this long, so that a short one is seen at all."""

HISTORY_S = 60.0
"""Length of the strips of a session."""

HISTORY_STEP_S = 0.5
"""One sample of a strip: two of them share a braille cell, so 60 s are 60 cells wide."""

SAMPLE_HOLD_S = 2.5
"""A sample of the engine stands for the time after it for this long: it takes one a second, and may
be late."""

RATE_SAMPLES = 60
"""Samples, one a second, behind each sparkline of the header."""

RATE_WINDOW_S = 1.0
"""A rate is taken over at least this long, so that it does not flicker from pull to pull."""

EVENTS_KEPT = 10_000
"""Events kept for the Events screen; the engine keeps as many."""

AUTOPSIES_SHOWN = 1_000
"""Endings shown; the engine keeps as many."""

EXCHANGES_SHOWN = 1_000
"""Finished exchanges shown; the engine keeps as many."""

BLOCKED_ALERT_S = 1.0
"""A session blocked for longer than this is worth an alert: below it, it is a slow second."""

DEAF_S = 0.2
"""A dialog ignores keys for this long after it opened, for they were meant for the screen below."""

MIN_COLUMNS = 60
MIN_ROWS = 16
"""Below this the dashboard says what it needs instead of drawing half a screen."""

NARROW_COLUMNS = 100
"""Below this labels are shortened, and the two sides of a session share what is there."""

COPY_BYTES = 74_994
"""Largest OSC 52 clipboard write: what common terminals accept (100,000 bytes in base64)."""

HISTORIES_KEPT = 256
"""Sessions whose strips are kept: more than any screen shows, so that scrolling back finds them."""

DROPS_SHOWN_S = 10.0
"""Clients that the kernel turned away stay an alert for this long: the time in which a person may
look up, and in which a client tries again three times (after 1, 3 and 7 s)."""

ALERT_LAG_S = 0.1
"""A loop of the engine that is later than this is worth an alert: a person feels a tenth."""

LOW_ROWS = 20
"""Below this many rows a list has no pane beside it: with the guide there would be no list."""

ROOMY_ROWS = 30
"""From this many rows on, alerts get a line of their own and the keys two."""

ASK_AFTER_S = 0.15
"""A form asks the engine once nothing was typed for this long: not after each key."""

DECISIONS_SHOWN = 5_000
"""Decisions kept for the Routing screen: each holds its candidates, so about 10 MiB in all."""

DECISIONS_BATCH = 1_000
"""Decisions asked for at once on the Routing screen: 5,000 a second can be followed."""

DECISIONS_GLANCE = 200
"""Decisions asked for once a second from elsewhere: enough to see a split key in time."""

CONFIG_PULL_S = 3.0
"""Time between two looks at the configuration: the engine builds a changed file to judge it."""

SOURCE_LINES = 20_000
"""Lines of a configuration that are shown: far more than a person writes."""

TAB_CELLS = 4
"""Cells of a tab in a configuration."""

WIDE_COLUMNS = 120
"""From this many columns on, the text of the configuration and what differs stand side by side."""

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations between two collections, for `gc.set_threshold`. A snapshot of 2,000 sessions is
12,000 objects: with Python's own 700 its decoding took 15 ms, with this 8 ms."""
