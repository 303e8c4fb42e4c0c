"""Each kind of page that the demo's sites serve, over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rsp.demo import sites
from rsp.demo.clients import ask, connected
from rsp.demo.numbers import BOOK_BYTES, MIB, SMALL_PAGE_BYTES, TICKS
from rsp.demo.pages import PageCheck, numbered_page
from rsp.demo.plain_http import Head, chunk, head_bytes, read_body, read_head


@pytest.fixture
async def site() -> AsyncIterator[str]:
    server = await sites.open_site("web1")
    async with server:
        yield sites.address_of(server)


async def get(address: str, path: str) -> tuple[Head, bytes]:
    async with connected(address) as (reader, writer):
        writer.write(head_bytes(f"GET {path} HTTP/1.1", host="www.example"))
        head = await read_head(reader)
        assert head is not None
        return head, b"".join([piece async for piece in read_body(reader, head)])


async def test_a_small_page_says_which_site_served_it(site: str) -> None:
    head, body = await get(site, "/")
    assert (head.status, head.fields["served-by"], len(body)) == (200, "web1", SMALL_PAGE_BYTES)


async def test_an_unknown_path_is_not_found(site: str) -> None:
    head, _ = await get(site, "/nowhere")
    assert head.status == 404


async def test_a_big_file_has_the_length_that_its_path_asks_for(site: str) -> None:
    head, body = await get(site, "/big/2")
    assert (head.fields["content-length"], len(body)) == (str(2 * MIB), 2 * MIB)


async def test_the_book_arrives_byte_for_byte(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "BOOK_PAUSE_S", 0.0)
    _, body = await get(site, "/book")
    assert body == numbered_page(BOOK_BYTES)


async def test_ticks_come_in_chunks(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "TICK_S", 0.0)
    head, body = await get(site, "/ticks")
    assert head.fields["transfer-encoding"] == "chunked"
    assert body.count(b"\n") == TICKS


async def test_a_slow_answer_comes(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "SLOW_ANSWER_S", (0.0, 0.0))
    head, _ = await get(site, "/slow")
    assert head.status == 200


async def test_the_flaky_page_resets_in_the_middle(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "RESET_ONE_IN", 1)
    with pytest.raises(ConnectionResetError):
        await get(site, "/flaky")


@pytest.mark.parametrize("in_chunks", [False, True])
async def test_an_upload_is_counted(site: str, in_chunks: bool) -> None:
    body = b"x" * 100_000
    framing: dict[str, object] = (
        {"transfer_encoding": "chunked"} if in_chunks else {"content_length": len(body)}
    )
    async with connected(site) as (reader, writer):
        writer.write(head_bytes("PUT /upload HTTP/1.1", host="files.example", **framing))
        writer.write(chunk(body) + chunk(b"") if in_chunks else body)
        head = await read_head(reader)
        assert head is not None
        assert [piece async for piece in read_body(reader, head)] == [b"100000 bytes\n"]


async def test_the_echo_gives_back_what_it_got_after_the_upgrade(site: str) -> None:
    async with connected(site) as (reader, writer):
        upgrade = {"connection": "Upgrade", "upgrade": "echo"}
        writer.write(head_bytes("GET /echo HTTP/1.1", host="www.example", **upgrade))
        head = await read_head(reader)
        assert head is not None
        assert head.status == 101
        writer.write(b"line 1\n")
        assert await reader.readline() == b"line 1\n"


async def test_a_connection_serves_several_requests_and_a_reload(site: str) -> None:
    async with connected(site) as stream:
        assert await ask(stream, "HEAD", "/", "www.example") == "web1"
        path = "/user/IronHand/webapps/IronHand.example/reload"
        assert await ask(stream, "POST", path, "www.example", content_length=0) == "web1"
        assert await ask(stream, "GET", "/", "www.example", connection="close") == "web1"
        assert await stream[0].read() == b""


async def test_nonsense_ends_the_connection_and_not_the_site(site: str) -> None:
    async with connected(site) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
    head, _ = await get(site, "/")
    assert head.status == 200


def test_a_page_check_finds_the_first_bad_byte_and_counts_what_is_missing() -> None:
    page = numbered_page(4096)
    check = PageCheck(page)
    check.feed(page[:1000])
    check.feed(page[1016:])
    assert (check.first_bad_offset, check.missing_bytes, check.is_whole) == (1003, 16, False)


def test_a_page_check_accepts_the_page_in_any_pieces() -> None:
    page = numbered_page(4096)
    check = PageCheck(page)
    for at in range(0, len(page), 7):
        check.feed(page[at : at + 7])
    assert (check.first_bad_offset, check.missing_bytes, check.is_whole) == (None, 0, True)
