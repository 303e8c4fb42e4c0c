"""The bench reads wrk's report, and says what it means."""

import pytest

from bench.contest import Rounds
from bench.load import Result, Work, parse_wrk
from bench.report import CONTEST_HEADER, contest_rows, ratios, table

REPORT = """\
Running 5s test @ http://127.0.0.1:21001/page
  1 threads and 100 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.80ms  591.57us  10.44ms   87.97%
    Req/Sec    35.82k     2.16k   38.63k    92.00%
  Latency Distribution
     50%    2.70ms
     75%    2.93ms
     90%  950.00us
     99%    1.04s
  178112 requests in 5.00s, 217.25MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 2
Requests/sec:  35601.18
Transfer/sec:     43.43MB
"""

SMALL = Work("small", "http", "/page", 100)
BULK = Work("bulk", "http", "/bulk", 8, is_bulk=True)


def test_every_figure_of_a_report_is_read() -> None:
    result = parse_wrk(REPORT, spent_us=4_000_000)
    assert (result.requests, result.requests_per_s, result.errors) == (178112, 35601.18, 6)
    assert (result.p50_s, result.p99_s) == (0.0027, 1.04)
    assert result.read_bytes == int(217.25 * 2**20)


def test_a_report_without_figures_stops_the_bench() -> None:
    with pytest.raises(SystemExit, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1", spent_us=0)


def result(cpu_us: int) -> Result:
    return Result(1000, 500.0, 10_000_000, cpu_us, 0.001, 0.002, 0)


def test_cost_is_per_request_and_for_bulk_per_megabyte() -> None:
    assert result(20_000).cost_us(SMALL) == 20.0
    assert result(20_000).cost_us(BULK) == 2000.0


def test_ratios_are_taken_within_each_round() -> None:
    rounds: Rounds = {
        "rsp": [result(10_000), result(30_000), result(20_000)],
        "HAProxy": [result(20_000), result(20_000), result(20_000)],
    }
    assert ratios(SMALL, rounds, "rsp") == "0.50, 1.00, 1.50"
    text = table([CONTEST_HEADER, *contest_rows(SMALL, rounds)])
    assert "| small | rsp     | 20.0 per request | 0.50, 1.00, 1.50 " in text
    assert len({len(line) for line in text.splitlines()}) == 1
