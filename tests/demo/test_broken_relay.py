"""The relay of the slow-write story loses bytes, and loses them because its client is slow."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rsp.demo import sites
from rsp.demo.broken_relay import BrokenRelay
from rsp.demo.sites import address_of, open_site
from rsp.demo.slow_client import download_book

PAUSE_S = 0.005


@pytest.fixture
async def addresses() -> AsyncIterator[tuple[str, str]]:
    """The site's own address, and the relay's in front of it."""
    server = await open_site("web1")
    relay = BrokenRelay(address_of(server))
    running = asyncio.ensure_future(relay.run())
    async with server:
        yield address_of(server), relay.address
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_the_broken_relay_loses_bytes_and_the_site_does_not(
    addresses: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "BOOK_PAUSE_S", 0.0)
    site, relay = addresses
    direct = await download_book(site, "nothing", PAUSE_S)
    broken = await download_book(relay, "broken relay", PAUSE_S)
    assert direct.is_whole
    assert not broken.is_whole
    assert broken.missing_bytes > 0
    assert broken.first_bad_offset is not None
    assert broken.sha256 != direct.sha256
    assert f"{broken.missing_bytes:,} of" in broken.sentence()
