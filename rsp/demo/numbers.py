"""Every number of the demo: how much traffic, how fast, how large. Chosen so that each column of
the dashboard moves while a machine of two cores stays mostly idle."""

KIB = 1024
MIB = 1024 * KIB

HEAD_BYTES = 16 * KIB
"""A head longer than this is refused by the demo's sites and clients."""

BLOCK_BYTES = 64 * KIB
"""Streams are made and sent in pieces of this size."""

LINE_BYTES = 16
"""A checkable page is made of lines of this length, each of which says its own offset."""

BOOK_BYTES = 5 * MIB
"""The page of the slow-write story: many times what the kernel takes on its own."""

BOOK_PAUSE_S = 0.05
"""The page is sent in blocks with this pause: at 1.3 MB/s, faster than its reader, yet slowly
enough that who loses bytes loses pieces of the middle, and takes 4 s for it: time to look."""

SMALL_PAGE_BYTES = 2 * KIB

SLOW_ANSWER_S = (1.0, 3.0)
"""A slow answer takes this long, least and most."""

RESET_ONE_IN = 3
"""The flaky page resets the connection once in so many answers."""

TICKS = 40
TICK_S = 0.15
"""A chunked stream: so many chunks, one in each interval."""

QUICK_CLIENTS = 6
QUICK_PAUSE_S = (0.1, 0.3)
"""Clients that open a connection for one request, and how long each rests in between."""

KEEP_ALIVE_CLIENTS = 24
KEEP_ALIVE_PAUSE_S = (0.2, 1.2)
KEEP_ALIVE_REQUESTS = 40
"""Clients that keep a connection for so many requests."""

SLOW_READERS = 8
SLOW_READ_BYTES = 2 * KIB
SLOW_READ_PAUSE_S = (0.02, 0.8)
SLOW_READER_STAYS_S = (15.0, 60.0)
SLOW_RECEIVE_BUFFER_BYTES = 4 * KIB
"""Readers that take 2 to 100 KiB a second, each at a pace of its own, with a receive buffer to
match (`SO_RCVBUF`), and leave long before the end of the file."""

DOWNLOAD_MIB = (10, 100)
DOWNLOAD_READ_BYTES = 128 * KIB
DOWNLOAD_PAUSE_S = 0.05
"""A download of a big file, at about 2.5 MB/s: fast enough to fill buffers, not the machine."""

UPLOAD_BYTES = 2 * MIB
UPLOAD_PAUSE_S = 0.1
"""An upload is sent in blocks with this pause between them."""

ECHO_PAUSE_S = 0.7
"""A tunnel sends one line in each interval."""

ECHO_LINES = 60
"""A tunnel is closed after so many lines."""

DOWNLOADS = 2
UPLOADS = 2
TICK_FOLLOWERS = 4
ECHO_TALKERS = 3
"""How many clients there are of the other kinds."""

RETRY_PAUSE_S = 1.0
"""A client whose connection failed comes back after this."""

STORY_READ_BYTES = 32 * KIB
STORY_BURST_BYTES = 256 * KIB
STORY_PAUSE_S = 0.35
"""The slow client of the slow-write story: it reads so much, and then nothing for so long, that its
window is shut. That is about 0.7 MB/s, so the whole page takes 7 s."""

STORY_RECEIVE_BUFFER_BYTES = 16 * KIB
"""Set before it connects, so that the kernel of the proxy cannot put megabytes out of sight."""

ROUND_PAUSE_S = 1.0
"""Between two rounds of a story."""

THINK_S = (0.2, 0.8)
"""How long an owner rests between visiting a site and reloading it, and again before leaving."""

ENGINE_STOP_S = 5.0
"""An engine that has not ended this long after SIGTERM is killed."""

PLAIN_SECONDS = 10
"""How long `rsp demo` runs when there is no terminal."""
