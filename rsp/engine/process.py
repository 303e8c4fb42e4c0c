"""The engine as a process: its loop, its signals, its log, its control socket."""

import asyncio
import gc
import os
import resource
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from rsp.core.addresses import EditRefused
from rsp.core.config import ConfigError
from rsp.core.limits import GC_MIDDLE_ROUNDS, GC_YOUNG_OBJECTS, GC_YOUNG_ROUNDS
from rsp.core.vocabulary import EventLevel
from rsp.core.wire import CommandRefused
from rsp.engine.control import ControlServer
from rsp.engine.control_path import ControlPathRefused, default_control_path
from rsp.engine.keeping import Keeper
from rsp.engine.lab.toxiproxy import ToxiproxyApi
from rsp.engine.log import Log
from rsp.engine.lua_config import LoadedConfig
from rsp.engine.nonblocking import CannotListen
from rsp.engine.privileges import Account, become
from rsp.engine.server import Engine
from rsp.engine.stopping import drain
from rsp.engine.telemetry import Telemetry
from rsp.engine.worker import Worker, start_worker


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to run an engine."""

    listen: str | None = None
    control: Path | None = None
    """None: the default place for the first listener's port."""
    log_as_json: bool = False
    log_level: EventLevel = EventLevel.INFO
    log_beside_control: bool = False
    """Log to a file beside the control socket, rotated, instead of to stderr."""
    account: Account | None = None
    """Whom to become once the listeners are open; None: stay who we are."""
    toxiproxy_api: str | None = None
    """Answer toxiproxy's HTTP API at this loopback address; None: do not."""
    state: Path | None = None
    """Keep live edits in this file, and begin with those that it has; None: do not."""
    ready_fd: int | None = None
    """Write the path of the control socket to this fd, and close it, once clients are let in."""


def serve(loaded: LoadedConfig, options: ServeOptions) -> None:
    """Run an engine until it is told to stop.

    Raises:
        ConfigError: there is no listener.
        AddressError: the name of a backend does not resolve.
        CannotListen: a listener cannot be opened.
        ControlPathRefused: the control socket cannot be made.
        UserRefused: the engine cannot become the user that it was told to be.
    """
    # A core dump would hold what passed through: other people's passwords and cookies.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    worker = start_worker(options.account)
    try:
        uvloop.run(_serve(loaded, options, worker))
    finally:
        worker.stop()


async def _serve(loaded: LoadedConfig, options: ServeOptions, worker: Worker) -> None:
    telemetry = Telemetry()
    log = _log(telemetry, options)
    _record_bugs_of_the_loop(telemetry)
    engine = Engine(loaded, telemetry, worker, listen=options.listen)
    await engine.start()
    async with AsyncExitStack() as opened:
        opened.push_async_callback(engine.stop)
        tasks = _obey_signals(engine)
        control = await _open_control(engine, log, options, opened)
        await _open_toxiproxy(engine, options, opened)
        engine.log_path = log.path
        engine.cry = log.write_now
        _note_beginning(engine, loaded, options)
        keeper = await _keep_edits(engine, options)
        _begin(engine, control, options)
        await engine.stopping.wait()
        if keeper is not None:
            # The next engine may start while the last sessions of this one end.
            await keeper.close()
        await drain(engine)
    for task in list(tasks):
        task.cancel()


def _record_bugs_of_the_loop(telemetry: Telemetry) -> None:
    """Record what nobody else was there to catch: a task that failed, or who gave up badly."""

    def record(_loop: asyncio.AbstractEventLoop, said: dict[str, Any]) -> None:
        error = said.get("exception") or RuntimeError(said["message"])
        telemetry.record_bug(said["message"], error)

    asyncio.get_running_loop().set_exception_handler(record)


def _begin(engine: Engine, control: ControlServer, options: ServeOptions) -> None:
    engine.note(engine.greeting())
    engine.note(f"The control socket is {control.path}.")
    # What exists now stays for good: the collector need not look at it again. Nothing of a closed
    # session is cyclic (nobody.py), so it need not come often either.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_OBJECTS, GC_YOUNG_ROUNDS, GC_MIDDLE_ROUNDS)
    engine.accept()
    _say_ready(engine, control.path, options)


async def _open_control(
    engine: Engine, log: Log, options: ServeOptions, opened: AsyncExitStack
) -> ControlServer:
    """Become whom we are to be, and open as that user what the control plane needs."""
    if options.account is not None:
        become(options.account)
    path = options.control or default_control_path(engine.short_name())
    control = ControlServer(engine, path)
    await control.start()
    opened.push_async_callback(control.stop)
    if options.log_beside_control:
        beside = path.with_suffix(".log")
        try:
            log.use_file(beside)
        except OSError as error:
            raise ControlPathRefused(
                f"{beside}: the log beside the control socket cannot be written: {error.strerror}"
            ) from error
    return control


def _note_beginning(engine: Engine, loaded: LoadedConfig, options: ServeOptions) -> None:
    if loaded.printed:
        engine.note(f"the configuration printed: {loaded.printed.rstrip()}")
    if options.account is not None:
        _note_account(engine, options.account)


async def _keep_edits(engine: Engine, options: ServeOptions) -> Keeper | None:
    """As the user that we are by now, and before anybody is let in."""
    if options.state is None:
        return None
    keeper = Keeper(engine, options.state)
    await keeper.restore()
    return keeper


async def _open_toxiproxy(engine: Engine, options: ServeOptions, opened: AsyncExitStack) -> None:
    if options.toxiproxy_api is None:
        return
    api = ToxiproxyApi(engine)
    address = await api.start(options.toxiproxy_api)
    opened.callback(api.stop)
    engine.note(f"The toxiproxy API is at http://{address}.")


def _note_account(engine: Engine, account: Account) -> None:
    engine.note(f"Running as {account.name} (uid {account.uid}, gid {account.gid}).")
    path = engine.changes.config.path
    if path is not None and not os.access(path, os.R_OK):
        engine.note(
            f"{account.name} may not read {path}, so a reload will be refused; "
            f"let that user read it",
            EventLevel.WARN,
        )


def _log(telemetry: Telemetry, options: ServeOptions) -> Log:
    # None where the engine was started with its stderr closed.
    stream = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for good
    log = Log(telemetry, stream, as_json=options.log_as_json, least=options.log_level)
    telemetry.listen(log.write, also_quiet=options.log_level is EventLevel.DEBUG)
    return log


def _say_ready(engine: Engine, path: Path, options: ServeOptions) -> None:
    """Tell whoever started us where we are; who left meanwhile wants no engine any more."""
    if options.ready_fd is None:
        return
    try:
        os.write(options.ready_fd, os.fsencode(path))
    except OSError:
        engine.stopping.set()
    os.close(options.ready_fd)


def _obey_signals(engine: Engine) -> "set[asyncio.Task[None]]":
    """SIGTERM and SIGINT drain, and end at once the second time; SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def end() -> None:
        if engine.stopping.is_set():
            engine.note("Told to stop a second time: ending at once.", EventLevel.WARN)
            engine.hurry = True
        engine.stopping.set()

    turn, asked = asyncio.Lock(), asyncio.Event()

    def reload() -> None:
        if asked.is_set():
            # One is about to begin, and will read what is on disk then.
            return
        asked.set()
        task = loop.create_task(_reload(engine, turn, asked))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # When the loop is gone, a late second SIGTERM must not turn a clean end into a death.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return tasks


async def _reload(engine: Engine, turn: asyncio.Lock, asked: asyncio.Event) -> None:
    """Reload when the one before is done; who asks from then on asks for another."""
    try:
        async with turn:
            asked.clear()
            sentences = await engine.reload(who="SIGHUP")
    except (ConfigError, EditRefused, CannotListen, CommandRefused) as error:
        engine.note_refused_reload(str(error))
        return
    for sentence in sentences:
        engine.note(sentence)
