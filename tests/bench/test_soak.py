"""The soak reads what slowhttptest and its own clients say, and ends with a table."""

import hashlib
import socket
from pathlib import Path

import pytest

from bench.soak.parts import read_attack
from bench.soak.stage import Meter, Scale
from bench.soak.wire import Download
from tests.conftest import Pairs

CSV = """\
Seconds,Closed,Pending,Connected,Service Available
0,0,1,0,1000
1,0,5,195,1000
12,150,0,50,0
14,200,0,0,1000
"""


def test_probes_that_failed_and_connections_that_were_closed_are_counted(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text(CSV)
    assert read_attack(tmp_path / "heads.csv") == (1, "195 at once, 200 closed after 14 s")


def test_a_download_is_read_in_pieces_and_hashed(pairs: Pairs) -> None:
    near, far = pairs.tcp()
    content = bytes(range(256)) * 4
    far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + content)
    far.shutdown(socket.SHUT_WR)
    download = Download(near)
    while not download.is_whole:
        download.read(100)
    assert (download.status, download.body_bytes) == (200, 1024)
    assert download.content.digest() == hashlib.sha256(content).digest()
    download.read()
    assert download.is_over


@pytest.mark.parametrize(("factor", "count", "seconds"), [(1.0, 1000, 60), (0.001, 10, 5)])
def test_a_scale_leaves_something_to_see(factor: float, count: int, seconds: float) -> None:
    scale = Scale(factor)
    assert (scale.count(1000), scale.seconds(60)) == (count, seconds)


def test_a_slope_is_that_of_the_second_half() -> None:
    meter = Meter.__new__(Meter)
    meter.series = [(float(at), 10_000 if at < 50 else 20_000 + 7 * at) for at in range(100)]
    assert meter.slope_bytes_per_s() == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("counts", "gone_s"),
    [([20, 120, 120, 29, 20], 3.0), ([20, 120, 120], None), ([20, 120, 31], None)],
)
def test_a_proxy_is_rid_of_an_attack_when_nine_tenths_are_closed(
    counts: list[int], gone_s: float | None
) -> None:
    meter = Meter.__new__(Meter)
    meter.fds_before = 20
    meter.fd_series = [(float(at), count) for at, count in enumerate(counts)]
    assert meter.rid_of_s() == gone_s
