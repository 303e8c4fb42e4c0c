"""From a configuration file, or a URL, to a `Config` and the router that calls its `route`.

Every load happens in a fresh Lua runtime, so one that fails changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from rsp.core.addresses import UNIX_PREFIX, AddressError, parse_address
from rsp.core.backends import Backend, Pool
from rsp.core.config import ERROR_PREFIX, Config, ConfigError, ListenerConfig
from rsp.core.limits import CONFIG_BYTES
from rsp.core.redact import secrets_of, those_in, without_userinfo
from rsp.core.route import Routable, RouteAnswer, RouteFailed
from rsp.engine.config_rules import check_listen_address, config_from
from rsp.engine.lua_sandbox import CHUNK, LuaError, LuaMemoryError, Sandbox, SandboxError
from rsp.engine.whole_file import regular_file

DEFAULT_LISTEN = "127.0.0.1:8080"
"""Where `--to` listens unless it is told: this machine only, and a port that needs no rights."""


class LuaRouter:
    """Calls the `route` of a configuration, once for every request."""

    __slots__ = (
        "_call_route",
        "_path",
        "_reads_headers",
        "broken",
        "calls",
        "on_print",
        "place",
        "running",
    )

    def __init__(self, sandbox: Sandbox, path: str, line: int, *, reads_headers: bool) -> None:
        self._call_route = sandbox.call_route
        self._path = path
        self._reads_headers = reads_headers
        self.broken: str | None = None
        """Why the runtime cannot be used any more; `rebuild_router` makes a new one."""
        self.calls = 0
        """Calls begun. With `running`, a watchdog sees that one call takes too long."""
        self.running: Routable | None = None
        """The request that `route` is called for at this moment."""
        self.place = f"{path}:{line}"
        """Where `route` begins."""
        self.on_print: Callable[[str, Routable], None] = _discard
        """Gets what `route` printed, whole lines, and about which request."""

    def route(self, request: Routable) -> RouteAnswer:
        """Return where `request` goes.

        Raises:
            RouteFailed: `file:line: message`, when `route` raised, spent its budget, or returned
                something that is no name. When memory ran out, `broken` is set besides.
        """
        if self.broken:
            raise RouteFailed(self.broken)
        fields = _lines(request.fields) if self._reads_headers else None
        self.calls += 1
        self.running = request
        try:
            answer = self._call_route(
                request.method,
                request.path,
                request.query,
                request.host,
                request.raw_host,
                request.client_ip,
                request.listener,
                fields,
            )
        except LuaMemoryError as error:
            self.broken = f"{self._path}: Lua ran out of memory"
            raise RouteFailed(self.broken) from error
        except LuaError as error:
            # The budget can also run out just after the protected call that surrounds `route`.
            raise RouteFailed(_with_path(str(error), self._path)) from error
        except UnicodeEncodeError as error:
            raise RouteFailed(f"the request holds characters that are no bytes: {error}") from error
        finally:
            self.running = None
        if type(answer) is str:
            return RouteAnswer(answer)
        target, key, reason, printed = answer[:4]
        if printed:
            self.on_print(as_text(printed), request)
        if target is None:
            self._fail(*answer)
        reason = reason or ""
        shown = reason if reason.isascii() else as_text(reason)
        secrets = self._secrets_in(f"{key or ''} {shown}", request)
        return RouteAnswer(target, key, shown, secrets)

    def _secrets_in(self, words: str, request: Routable) -> tuple[str, ...]:
        """Return the secrets of `request` that `route` has put into its own words."""
        fields = request.fields if self._reads_headers else ()
        if not fields and not request.query:
            return ()
        return those_in(secrets_of(request.query, fields), words)

    def _fail(
        self, _none: None, message: str | None, is_broken: bool | None, *_rest: object
    ) -> NoReturn:
        message = _with_path(message or "", self._path)
        if is_broken:
            self.broken = message
        raise RouteFailed(message)


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and what runs its `route`."""

    config: Config
    router: LuaRouter | None
    """None: the file has no `route`."""
    printed: str = ""
    """What the file printed while it was loaded."""


def load_config(path: str, *, or_pipe: bool = False) -> LoadedConfig:
    """Read, run and check the configuration file `path`.

    With `or_pipe` it may be a pipe, which says what it has to say once: for whoever can wait for
    that, and that is no engine that runs.

    Raises:
        ConfigError: it cannot be read, is not Lua, or says something that cannot be used.
    """
    return load_source(_read(path, or_pipe=or_pipe), path)


def load_source(source: bytes, path: str, sandbox: Sandbox | None = None) -> LoadedConfig:
    """Run and check the text of a configuration; `path` is its name in messages.

    It runs in a new sandbox unless one is given, which then must be new.

    Raises:
        ConfigError: it is not Lua, or says something that cannot be used.
    """
    sandbox = sandbox or Sandbox()
    try:
        declared = sandbox.load(source)
    except SandboxError as error:
        raise _config_error(error, path) from error
    config = config_from(path, source.decode("utf-8", "surrogateescape"), declared)
    memory_bytes = config.limits.lua_memory_bytes + sandbox.extra_bytes
    if not sandbox.set_budget(config.limits.lua_instructions, memory_bytes):
        raise ConfigError(
            f"{path}: what the file keeps in memory leaves no room below lua_memory_bytes "
            f"({memory_bytes:,}); raise it, or keep less"
        )
    router = None
    if declared.has_route:
        # The lines are joined for a `route` that can ask for them, and for no other.
        router = LuaRouter(sandbox, path, declared.route_line, reads_headers=b"headers" in source)
    return LoadedConfig(config, router, as_text(declared.printed))


def rebuild_router(config: Config) -> LuaRouter | None:
    """Return a new router for `config`, made from the text that was loaded and not from the disk.

    Raises:
        ConfigError: the same text cannot be loaded a second time.
    """
    if not config.has_route:
        return None
    source = config.source.encode("utf-8", "surrogateescape")
    return load_source(source, config.path or "").router


def config_for_url(url: str, listen: str | None = None) -> Config:
    """Return the configuration of `--to URL`: everything goes to one backend called `default`.

    Raises:
        ConfigError: the URL is not `http://host[:port]`, or `listen` is no address.
    """
    address = _backend_address(url)
    check_listen_address(listen or DEFAULT_LISTEN)
    backend = Backend("default", "default", address, defined_at="--to")
    return Config(
        path=None,
        source="",
        listeners=(ListenerConfig(listen or DEFAULT_LISTEN),),
        pools=(Pool("default", (backend,), host="backend"),),
    )


def _backend_address(url: str) -> str:
    if url.startswith(UNIX_PREFIX):
        return _checked(url)
    text, url = url, without_userinfo(url)
    text = text if "://" in text else f"http://{text}"
    bare = text.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if not bare.strip(":"):
        raise ConfigError(f'--to "{url}": it names no host; write http://HOST:PORT')
    if bare.count(":") > 1 and "[" not in bare:
        raise ConfigError(f'--to "{url}": write an IPv6 address in brackets, as in http://[::1]:80')
    try:
        parts = urlsplit(text)
        scheme, place, port = parts.scheme, parts.netloc, parts.port
    except ValueError as error:
        raise ConfigError(f'--to "{url}": {error}; write http://HOST:PORT') from error
    if scheme == "https":
        host = parts.hostname or "HOST"
        raise ConfigError(
            f'--to "{url}": rsp speaks plain HTTP to a backend. To pass TLS through as it is, '
            f'write a configuration with listen {{ …, mode = "tcp" }} and the backend {host}:443'
        )
    if scheme != "http":
        raise ConfigError(f'--to "{url}": {scheme} is not known here; write http://HOST:PORT')
    if "@" in place or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ConfigError(
            f'--to "{url}": it takes a host and a port and nothing more; write http://HOST:PORT'
        )
    return _checked(place if port is not None else f"{place.rstrip(':')}:80")


def _checked(address: str) -> str:
    try:
        parse_address(address)
    except AddressError as error:
        raise ConfigError(f"--to {error}") from error
    return address


def _read(path: str, *, or_pipe: bool) -> bytes:
    try:
        with regular_file(path, or_pipe=or_pipe) as file:
            source = file.read(CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{ERROR_PREFIX}cannot open {path}: {error.strerror}") from error
    if len(source) > CONFIG_BYTES:
        raise ConfigError(f"{path}: a configuration may have {CONFIG_BYTES:,} bytes at most")
    return source


def _config_error(error: SandboxError, path: str) -> ConfigError:
    """Return the error for a file that Lua did not finish, in the words of the C original."""
    raw = str(error)
    line_text = raw.removeprefix(CHUNK).partition(":")[0] if raw.startswith(CHUNK) else ""
    line = int(line_text) if line_text.isdigit() else 0
    message = _with_path(raw, path)
    if not error.is_refusal:
        message = f"{ERROR_PREFIX}{message}"
    return ConfigError(message, line or None)


def _with_path(message: str, path: str) -> str:
    # Line 0 is what the sandbox says when no line is to blame.
    return as_text(message).replace(f"{CHUNK}0:", f"{path}:").replace(CHUNK, f"{path}:")


def as_text(latin: str) -> str:
    """Return what Lua gave as bytes (latin-1) as the author wrote it, when it is UTF-8."""
    if latin.isascii():
        return latin
    try:
        return latin.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return latin


def _lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b:%b\n" % field for field in fields])


def _discard(_line: str, _request: Routable) -> None:
    """Throw away what is printed: nobody asked for it."""
