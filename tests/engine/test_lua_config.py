"""Loading a configuration: both forms, every refusal with its line, and calls of `route`."""

from pathlib import Path

import pytest

from rsp.core.config import ConfigError, ListenerConfig
from rsp.core.limits import CONFIG_BYTES, Limits
from rsp.core.vocabulary import BackendState, Mode
from rsp.engine.lua_config import (
    config_for_url,
    load_config,
    load_source,
)

ORIGINAL = 'listenPort = "8000"\nbackendAddress = "127.0.0.1"\nbackendPort = "80"\n'

MINIMAL = """listen { address = "127.0.0.1:8080" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
"""


def error_of(source: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_source(source.encode() if isinstance(source, str) else source, "site.lua")
    return caught.value


# -- the three globals of the C original


def test_the_three_globals_make_a_whole_configuration() -> None:
    config = load_source(ORIGINAL.encode(), "rsp.lua").config
    assert config.listeners == (ListenerConfig("0.0.0.0:8000"),)
    (pool,) = config.pools
    assert (pool.name, pool.balance, pool.host) == ("default", "round_robin", "keep")
    (backend,) = pool.backends
    assert (backend.key, backend.address) == ("default/default", "127.0.0.1:80")
    assert backend.defined_at == "rsp.lua:2"
    assert not config.has_route
    assert config.source == ORIGINAL


def test_the_three_globals_may_stand_beside_a_route_and_limits() -> None:
    source = ORIGINAL + 'limits { connect_s = 1 }\nfunction route() return "default" end'
    loaded = load_source(source.encode(), "rsp.lua")
    assert loaded.config.limits.connect_s == 1.0
    assert loaded.router is not None
    assert loaded.config.has_route


def test_a_number_is_a_string_as_lua_has_it() -> None:
    """The original asked lua_isstring, which is true for numbers: its files load unchanged."""
    config = load_source(b'listenPort=8000 backendAddress="::1" backendPort=80', "f").config
    assert config.listeners[0].address == "0.0.0.0:8000"
    assert config.pools[0].backends[0].address == "[::1]:80"


def test_a_missing_file_is_reported_as_the_original_did(tmp_path: Path) -> None:
    path = str(tmp_path / "absent.lua")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == (
        f"Error parsing config file: cannot open {path}: No such file or directory"
    )


@pytest.mark.parametrize("name", ["listenPort", "backendAddress", "backendPort"])
@pytest.mark.parametrize("value", ["nil", "true", "{}", "print"])
def test_a_global_that_is_no_string_is_reported_as_the_original_did(name: str, value: str) -> None:
    assert str(error_of(f"{ORIGINAL}{name} = {value}")) == f"{name} must be a string"


def test_an_empty_file_lacks_the_first_global() -> None:
    assert str(error_of("")) == "listenPort must be a string"


def test_broken_lua_is_reported_as_the_original_did(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 30 + ".lua")
    path.write_text('listenPort = "8000"\nbackendPort = = 3\n')
    with pytest.raises(ConfigError) as caught:
        load_config(str(path))
    assert str(caught.value) == (f"Error parsing config file: {path}:2: unexpected symbol near '='")
    assert caught.value.line == 2


# -- the full form


def test_everything_that_can_be_said_is_understood() -> None:
    config = load_source(
        b"""
        listen { address = "127.0.0.1:8080", trusted_proxies = { "10.1.2.3/8", "::1" } }
        listen { address = "[::1]:0", mode = "tcp", pool = "db" }
        pool("web", {
          balance = "hash", host = "backend",
          backends = {
            { name = "web1", address = "127.0.0.1:9001", weight = 0 },
            { name = "web2",
              address = "app.internal:80", weight = 2, max_connections = 100, state = "drain" },
          },
        })
        pool("db", {})
        limits { high_water_bytes = 1048576, connect_s = 0.5 }
        limits { connect_s = 2, request_body_bytes = 0 }
        function route() return "web" end""",
        "site.lua",
    ).config
    assert config.listeners == (
        ListenerConfig("127.0.0.1:8080", Mode.HTTP, None, ("10.0.0.0/8", "::1/128")),
        ListenerConfig("[::1]:0", Mode.TCP, "db", ()),
    )
    web, db = config.pools
    assert (web.balance, web.host, db.name, db.backends) == ("hash", "backend", "db", ())
    one, two = web.backends
    assert (one.weight, one.max_connections, one.state) == (0, 0, BackendState.READY)
    assert (two.weight, two.max_connections, two.state) == (2, 100, BackendState.DRAIN)
    assert (one.defined_at, two.defined_at) == ("site.lua:7", "site.lua:8")
    assert config.limits == Limits(high_water_bytes=1048576, connect_s=2.0)
    assert config.has_route


def test_a_configuration_may_compute() -> None:
    source = """
      local backends = {}
      for number = 1, 300 do
        backends[number] = { name = "b" .. number, address = "127.0.0.1:" .. 9000 + number }
      end
      pool("many", { backends = backends })"""
    (pool,) = load_source(source.encode(), "site.lua").config.pools
    assert len(pool.backends) == 300
    assert pool.backends[299].address == "127.0.0.1:9300"
    assert pool.backends[299].defined_at == "site.lua:6"


LUA_ERRORS = {
    "an unknown function": ("Listen {}", "3: attempt to call global 'Listen' (a nil value)"),
    "an error of the author": ('error("Grüße")', "3: Grüße"),
    "a budget": ("while true do end", "3: ran more than 1000000 Lua instructions"),
    "no function for route": ("route = 5", "1: route is a number (5); it must be a function"),
}


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(("line", "message"), LUA_ERRORS.values(), ids=LUA_ERRORS)
def test_an_error_of_lua_has_its_line(line: str, message: str) -> None:
    error = error_of(MINIMAL + line)
    assert str(error) == f"Error parsing config file: site.lua:{message}"
    assert error.line == int(message[0])


def test_bytecode_is_not_loaded() -> None:
    assert "attempt to load chunk with wrong mode" in str(error_of(b"\x1bLJ\x02"))


@pytest.mark.usefixtures("unhurried")
def test_memory_that_runs_out_while_loading_is_a_refusal() -> None:
    error = error_of("local t = {} while true do t[#t + 1] = ('x'):rep(1e5) .. #t end")
    assert "site.lua: ran out of memory (16777216 bytes)" in str(error)
    assert error.line is None


def test_no_pool_is_refused() -> None:
    assert "there is no pool" in str(error_of('listen { address = "127.0.0.1:80" }'))


def test_a_file_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.lua"
    path.write_bytes(b" " * (CONFIG_BYTES + 1))
    with pytest.raises(ConfigError, match="1,048,576 bytes at most"):
        load_config(str(path))


def test_what_is_printed_while_loading_is_kept() -> None:
    loaded = load_source(f'{MINIMAL}print("a", 1, nil)\nprint("ü")'.encode(), "site.lua")
    assert loaded.printed == "a\t1\tnil\nü\n"
    assert loaded.router is None


def test_memory_that_is_too_small_for_the_file_itself_is_refused() -> None:
    error = error_of(
        f"{MINIMAL}hoard = {{}} for i = 1, 60 do hoard[i] = ('x'):rep(1e5) .. i end\n"
        "limits { lua_memory_bytes = 4194304 }\nfunction route() return 'web' end"
    )
    assert "leaves no room below lua_memory_bytes (4,194,304)" in str(error)


# -- --to URL


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:9001", "127.0.0.1:9001"),
        ("http://a.test/", "a.test:80"),
        ("http://[::1]", "[::1]:80"),
        ("127.0.0.1:9001", "127.0.0.1:9001"),
    ],
)
def test_a_url_is_a_whole_configuration(url: str, address: str) -> None:
    config = config_for_url(url)
    assert config.listeners == (ListenerConfig("127.0.0.1:8080"),)
    (pool,) = config.pools
    assert (pool.name, pool.host, pool.backends[0].key) == ("default", "backend", "default/default")
    assert pool.backends[0].address == address
    assert config.path is None
    assert config_for_url(url, "0.0.0.0:0").listeners[0].address == "0.0.0.0:0"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.test", 'mode = "tcp"'),
        ("ftp://a.test", "ftp is not known"),
        ("http://a.test/x", "a host and a port and nothing more"),
        ("http://a.test?x", "a host and a port and nothing more"),
        ("http://me@a.test", "a host and a port and nothing more"),
        ("http://a.test:99999", "write http://HOST:PORT"),
        ("http://a b", "is not a host name"),
        ("", "it names no host"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_for_url(url)
    assert message in str(caught.value)
    assert str(caught.value).startswith("--to ")


def test_a_listener_that_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="the port is missing"):
        config_for_url("http://a.test", "localhost")
