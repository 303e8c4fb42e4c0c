"""Exchanges and sessions that are over, as an engine would tell them."""

from rsp.core.autopsy import Autopsies, AutopsyRow, SideEvidence
from rsp.core.evidence import FlowRow, LedgerRow
from rsp.core.exchange_rows import ExchangeRow
from tests.tui.canned import time_budget


def autopsies() -> Autopsies:
    whole = FlowRow(961_481, 961_481, 0, 0, True, 310, 240)
    cut = FlowRow(4_194_304, 3_100_000, 1_094_304, 0, True, 120, 240)
    client = SideEvidence("IN", None, "ESTABLISHED", 310, 961_721, 0, 0, 0, 0.004, 2.31, "we")
    backend = SideEvidence(
        "IN RDHUP", None, "CLOSE_WAIT", 961_721, 310, 0, 0, 0, 2.31, 0.002, "peer"
    )
    gone = SideEvidence("IN RDHUP HUP ERR", "ECONNRESET", "CLOSE", 300, 3_100_240, 65_536,
                        1_028_768, 0, 0.4, 9.8, "we")  # fmt: skip
    asked = FlowRow(0, 0, 0, 0, True, 310, 330)
    rows = [
        AutopsyRow(
            118, "2026-01-05T12:40:58.120Z", "SD", "backend_gone",
            "backend web/web5 (127.0.0.1:9005) ended the connection inside chunk 118: size line "
            "said 8,192, 3,017 arrived; 2,310 ms after the last byte of ours to it; "
            "all 961,481 bytes that came for the client were passed on (heads not counted)",
            2.4, "203.0.113.9:51000", "127.0.0.1:9005", "web/web5", 0,
            LedgerRow(asked, whole), client, backend,
        ),
        AutopsyRow(
            117, "2026-01-05T12:40:57.020Z", "CD", "client_gone",
            "client 203.0.113.7:50000: ECONNRESET; "
            "1,094,304 bytes were not acknowledged by the client",
            9.8, "203.0.113.7:50000", "127.0.0.1:9001", "web/web1", 1_094_304,
            LedgerRow(asked, cut), gone,
            backend,
        ),
        AutopsyRow(
            116, "2026-01-05T12:40:55.900Z", "--", "finished",
            "both sides said all they had to say",
            0.2, "203.0.113.5:40000", "127.0.0.1:9001", None, None,
            LedgerRow(asked, whole), None, None,
        ),
    ]  # fmt: skip
    return Autopsies(rows)


SLOW = (
    "Backend think 5.71 s (94 %) on web3 only; connect 0.4 ms; transfer 12 ms; "
    "loop lag p99 1.1 ms. web3 has 64 in flight, the others 9 at most. "
    "This slowed 12 of the last 400 exchanges."
)


def exchanges() -> list[ExchangeRow]:
    return [
        ExchangeRow(
            id=900 - index,
            session=40 - index,
            at="2026-01-05T12:40:50.000Z",
            client=f"203.0.113.{index}:50000",
            method="GET",
            host="blog.example.com",
            path=f"/page/{index}",
            status=200 if index % 3 else 404,
            pool="web",
            backend="web1",
            first_byte_s=0.003,
            duration_s=0.02 * (index + 1),
            request_bytes=300,
            response_bytes=4_000 * (index + 1),
            generation=7,
            result="complete" if index != 2 else "client_gone",
            budget=time_budget(0.02 * (index + 1)),
        )
        for index in range(6)
    ]
