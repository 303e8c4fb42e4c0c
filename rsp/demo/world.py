"""`python -m rsp.demo.world`: sites and clients, as one process that ends with its life pipe.

It says on stdout, one JSON line each, where its sites are and what its story measured. It reads
from the life pipe where the engine is. The end of that pipe is the end of the demo, however that
came about (also by SIGKILL): the world then ends the engine, removes the directory, and ends.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import sys

import msgspec

from rsp.demo.clients import KINDS, visit_for_ever
from rsp.demo.engine_life import EngineLife
from rsp.demo.numbers import RETRY_PAUSE_S, ROUND_PAUSE_S
from rsp.demo.reports import EngineIsHere, Outcome, SitesAreOpen
from rsp.demo.routing_users import reload_all
from rsp.demo.scenes import SETTINGS, Scene
from rsp.demo.sites import address_of, open_site
from rsp.demo.slow_client import download_book

QUIET_KINDS = KINDS[:2]
"""Beside a story only the small traffic runs, so that the story stands out."""


def say(report: msgspec.Struct) -> None:
    """Write one line to whoever started the world."""
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


async def life_pipe(fd: int) -> asyncio.StreamReader:
    """Return a reader of the pipe `fd`."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(fd, "rb"))
    return reader


async def tell_slow_write(proxy: str) -> None:
    """Download the same page slowly, for ever, and report each download."""
    while True:
        download = await download_book(proxy)
        say(
            Outcome(
                download.is_whole,
                download.sentence(),
                download.missing_bytes,
                download.first_bad_offset,
            )
        )
        await asyncio.sleep(ROUND_PAUSE_S)


async def tell_split_route(proxy: str) -> None:
    """Reload every site, for ever, and report how many reloads went astray."""
    while True:
        reloads = await reload_all(proxy)
        astray = [reload for reload in reloads if reload.went_astray]
        text = f"{len(astray)} of {len(reloads)} reloads astray"
        if astray:
            # Whole in a panel of 80 columns.
            text += f": {', '.join(reload.name for reload in astray)}"
        say(Outcome(is_good=not astray, text=text))


async def tell(scene: Scene, proxy: str) -> None:
    """Run the story of `scene`; a round that the engine cut short is begun again."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            match scene:
                case Scene.SLOW_WRITE:
                    await tell_slow_write(proxy)
                case Scene.SPLIT_ROUTE:
                    await tell_split_route(proxy)
                case Scene.PLAIN:
                    return
        await asyncio.sleep(RETRY_PAUSE_S)


async def run_traffic(scene: Scene, proxy: str) -> None:
    """Run clients and story until cancelled."""
    kinds = {Scene.PLAIN: KINDS, Scene.SLOW_WRITE: QUIET_KINDS, Scene.SPLIT_ROUTE: ()}[scene]
    await asyncio.gather(visit_for_ever(proxy, kinds), tell(scene, proxy))


async def live(scene: Scene, life_fd: int, directory: str) -> None:
    """Be the world of `scene` until the life pipe ends; then see that all is gone."""
    try:
        await live_until_the_end(scene, await life_pipe(life_fd))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def live_until_the_end(scene: Scene, life: asyncio.StreamReader) -> None:
    """Open the sites, and stay there until the life pipe ends."""
    names = SETTINGS[scene].site_names
    servers = {name: await open_site(name) for name in names}
    addresses = {name: address_of(server) for name, server in servers.items()}
    say(SitesAreOpen(addresses=addresses))
    if line := await life.readline():
        await live_beside_engine(scene, msgspec.json.decode(line, type=EngineIsHere), life)
    for server in servers.values():
        server.close()


async def live_beside_engine(
    scene: Scene, engine: EngineIsHere, life: asyncio.StreamReader
) -> None:
    """Send traffic through the engine until the life pipe ends; then end the engine."""
    with EngineLife(engine.pid) as engine_life:
        traffic = asyncio.ensure_future(run_traffic(scene, engine.proxy))
        try:
            await life.read()
        finally:
            traffic.cancel()
            await asyncio.to_thread(engine_life.end)


def main() -> None:
    """Run one world."""
    parser = argparse.ArgumentParser(description="the sites and clients of rsp demo")
    parser.add_argument("--scene", type=Scene, default=Scene.PLAIN, choices=list(Scene))
    parser.add_argument("--life", type=int, required=True, help="read end of the life pipe, an fd")
    parser.add_argument("--directory", required=True, help="what to remove at the end")
    options = parser.parse_args()
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(live(options.scene, options.life, options.directory))


if __name__ == "__main__":
    main()
