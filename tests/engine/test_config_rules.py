"""Every refusal of a declaration: the line, the thing, and what would be right."""

import pytest

from rsp.core.config import ConfigError
from rsp.engine.lua_config import load_source

MINIMAL = """listen { address = "127.0.0.1:8080" }
pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })
"""


def error_of(source: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_source(source.encode() if isinstance(source, str) else source, "site.lua")
    return caught.value


REFUSED = {
    "an identity without a capture": (
        'same_identity { path = "^/sites/[^/]+/reload$" }',
        'same_identity: "^/sites/[^/]+/reload$": it must have one capture; write a Lua pattern',
    ),
    "an identity with a host": (
        'same_identity { path = "^/(.*)", host = "a" }',
        'same_identity has no "host"',
    ),
    "unknown key of listen": (
        'listen { adress = "127.0.0.1:80" }',
        'listen has no "adress"; did you mean "address"?',
    ),
    "unknown key of a pool": ('pool("x", { balence = "hash" })', 'did you mean "balance"?'),
    "unknown key of a backend": (
        'pool("x", { backends = { { name = "a", address = "a:1", wait = 3 } } })',
        'backend 1 of pool "x" has no "wait"; did you mean "weight"?',
    ),
    "nothing near": (
        "listen { zzz = 1 }",
        "there is address, fd, mode, pool, trusted_proxies, accept_proxy",
    ),
    "no address": ("listen {}", "listen: address is missing"),
    "address of another kind": ("listen { address = 80 }", "address is 80; it must be a string"),
    "no port": ('listen { address = "localhost" }', "the port is missing"),
    "no function": ("listen { address = print }", "listen.address is a function"),
    "no table": ('listen "127.0.0.1:80"', "listen takes one table"),
    "pool without a name": ("pool({})", "pool takes a name and a table"),
    "deep": ("listen { a={a={a={a={a={a={}}}}}} }", "nested too deeply"),
    "keys of another kind": ("listen { [print] = 1 }", "has a function for a key"),
    "a list": ('listen { "127.0.0.1:80" }', "listen takes names with values"),
    "twice the listener": ('listen { address = "127.0.0.1:8080" }', "there are two of it"),
    "unknown mode": ('listen { address = "a:1", mode = "udp" }', 'mode "udp" is not there'),
    "unknown pool": (
        'listen { address = "a:1", pool = "wed" }',
        'pool "wed" is not there; did you mean "web"?',
    ),
    "address and fd": (
        'listen { address = "127.0.0.1:80", fd = 5 }',
        "listen: it has an address and an fd",
    ),
    "fd in words": ('listen { fd = "5" }', 'listen: fd is "5"; it must be a whole number'),
    "a standard stream": ("listen { fd = 2 }", "listen: fd is 2; it is the number of a socket"),
    "path that is none": ('listen { address = "unix:x" }', "write the whole path"),
    "bad proxies": ('listen { address = "a:1", trusted_proxies = "x" }', "is a list"),
    "bad network": (
        'listen { address = "a:1", trusted_proxies = { "x" } }',
        '"x" in trusted_proxies is no network',
    ),
    "bad announcers": ('listen { address = "a:1", accept_proxy = true }', "is a list"),
    "bad network of announcers": (
        'listen { address = "a:1", accept_proxy = { "10.0.0.0/33" } }',
        '"10.0.0.0/33" in accept_proxy is no network',
    ),
    "unknown PROXY version": (
        'pool("x", { send_proxy = "v3" })',
        'pool "x": send_proxy "v3" is not there; there is v1, v2',
    ),
    "PROXY version as a number": ('pool("x", { send_proxy = 1 })', "send_proxy is 1"),
    "health without a table": (
        'pool("x", { health = true })',
        'health of pool "x" takes names with values: path, tcp, interval',
    ),
    "unknown key of health": (
        'pool("x", { health = { intervall = 3 } })',
        'health of pool "x" has no "intervall"; did you mean "interval"?',
    ),
    "an interval of none": (
        'pool("x", { health = { interval = 0 } })',
        'health of pool "x": interval is 0; it must be 0.1 s or more',
    ),
    "a timeout in words": (
        'pool("x", { health = { timeout = "1s" } })',
        'health of pool "x": timeout is "1s"; it must be a number of seconds',
    ),
    "a timeout without end": (
        'pool("x", { health = { timeout = 1/0 } })',
        'health of pool "x": timeout is',
    ),
    "a fall of none": (
        'pool("x", { health = { fall = 0 } })',
        'health of pool "x": fall is 0; it must be 1 or more',
    ),
    "a path that is none": (
        'pool("x", { health = { path = "health check" } })',
        'health of pool "x": path is "health check"; it begins with "/" and has no blanks',
    ),
    "a path that ends the line": (
        'pool("x", { health = { path = "/\\r\\nX: y" } })',
        'it begins with "/" and has no blanks',
    ),
    "a host that ends the line": (
        'pool("x", { health = { host = "a\\r\\nX: y" } })',
        "it must be the name that is asked for",
    ),
    "statuses in words": (
        'pool("x", { health = { expect = "2xx" } })',
        'expect: "2xx" is no list of status codes; write "200-399", or "200, 204"',
    ),
    "statuses the wrong way round": (
        'pool("x", { eject = { statuses = "504-502" } })',
        'eject of pool "x": statuses: "504-502" has no status code in it',
    ),
    "tcp with a path": (
        'pool("x", { health = { tcp = true, path = "/" } })',
        'health of pool "x": path has no meaning with tcp = true, for nothing is asked',
    ),
    "a longest ejection that is shorter": (
        'pool("x", { eject = { seconds = 60, most = 30 } })',
        'eject of pool "x": most is 30; it must be 60 s or more',
    ),
    "slow start backwards": (
        'pool("x", { slow_start = -1 })',
        'pool "x": slow_start is -1; it must be 0 s or more',
    ),
    "unknown fallback": (
        'pool("x", { fallback = "wep" })',
        'pool "x": fallback "wep" is not there; did you mean "web"?',
    ),
    "fallback to itself": (
        'pool("x", { fallback = "x" })',
        "the fallbacks x → x never end; take one of them out",
    ),
    "fallbacks in a ring": (
        'pool("x", { fallback = "y" }) pool("y", { fallback = "x" })',
        "the fallbacks x → y → x never end; take one of them out",
    ),
    "sticky by nothing": (
        'pool("x", { sticky = {} })',
        'sticky of pool "x": write { cookie = "NAME" } or { by',
    ),
    "sticky by two": (
        'pool("x", { sticky = { cookie = "a", by = "client" } })',
        'write { cookie = "NAME" } or',
    ),
    "sticky by something else": (
        'pool("x", { sticky = { by = "host" } })',
        'sticky of pool "x": by "host" is not there',
    ),
    "a cookie with a blank": (
        'pool("x", { sticky = { cookie = "a b" } })',
        '"a b" cannot name a cookie',
    ),
    "a cookie in tcp": (
        'pool("x", { sticky = { cookie = "a" } }) '
        'listen { address = "a:1", mode = "tcp", pool = "x" }',
        'listen a:1: nobody has a cookie in tcp, and pool "x" is sticky by one (a); write sticky',
    ),
    "a queue that is a number": (
        'pool("x", { queue = 5 })',
        'queue of pool "x" takes names with values: length, timeout',
    ),
    "a queue for nobody": (
        'pool("x", { queue = { length = 0 } })',
        'queue of pool "x": length is 0; it must be 1 or more',
    ),
    "a queue for too many": (
        'pool("x", { queue = { length = 10001 } })',
        "length is 10,001; it must be at most 10,000",
    ),
    "no time to wait": (
        'pool("x", { queue = { timeout = 0 } })',
        'queue of pool "x": timeout is 0; it must be 0.1 s or more',
    ),
    "a time in words": (
        'pool("x", { queue = { timeout = "5" } })',
        'timeout is "5"; it must be a number of seconds',
    ),
    "forwarded in words": (
        'pool("x", { forwarded = "yes" })',
        'pool "x": forwarded is "yes"; it must be true or false',
    ),
    "twice the pool": ('pool("web", {})', 'pool "web" is there twice'),
    "name of a pool": ('pool("a b", {})', '"a b" cannot name a pool'),
    "unknown policy": ('pool("x", { balance = "hsh" })', 'did you mean "hash"?'),
    "bad host": ('pool("x", { host = "a b" })', 'host is "a b"; it is "keep"'),
    "backends no list": ('pool("x", { backends = { name = "a" } })', "backends is a list"),
    "backend no table": ('pool("x", { backends = { "a:1" } })', "write a table"),
    "backend without a name": (
        'pool("x", { backends = { { address = "a:1" } } })',
        "name is missing",
    ),
    "name of a backend": (
        'pool("x", { backends = { { name = "a/b", address = "a:1" } } })',
        '"a/b" cannot name a backend',
    ),
    "twice the backend": (
        'pool("x", {backends = {{name="a", address="a:1"}, {name="a", address="a:2"}}})',
        'backend "a" is there twice',
    ),
    "https": (
        'pool("x", { backends = { { name = "a", address = "https://a.test" } } })',
        'mode = "tcp"',
    ),
    "weight beyond": (
        'pool("x", { backends = { { name = "a", address = "a:1", weight = 257 } } })',
        "weight 257 of x/a is out of range: 0 to 256",
    ),
    "half a weight": (
        'pool("x", { backends = { { name = "a", address = "a:1", weight = 0.5 } } })',
        "weight is 0.5; it must be a whole number",
    ),
    "no weight at all": (
        'pool("x", { backends = { { name = "a", address = "a:1", weight = true } } })',
        "weight is true; it must be a whole number",
    ),
    "below none": (
        'pool("x", { backends = { { name = "a", address = "a:1", max_connections = -1 } } })',
        "max_connections -1 of x/a is out of range",
    ),
    "more than any machine has": (
        'pool("x", { backends = { { name = "a", address = "a:1", max_connections = 2^33 } } })',
        "max_connections 8589934592 of x/a is out of range",
    ),
    "more clients than any machine has": (
        'listen { address = "127.0.0.1:0", max_connections = 2^33 }',
        "max_connections is 8,589,934,592; it must be at most 1,000,000,000",
    ),
    "unknown state": (
        'pool("x", { backends = { { name = "a", address = "a:1", state = "down" } } })',
        'state "down" is not there; there is ready, drain, maint',
    ),
    "unknown limit": ("limits { conect_s = 1 }", 'did you mean "connect_s"?'),
    "limit in words": ('limits { connect_s = "3" }', "it must be a number of seconds"),
    "limit in halves": ("limits { head_bytes = 2000.5 }", "it must be a whole number"),
    "limit of nothing": ("limits { connect_s = 0 }", "connect_s must be more than 0"),
    "limit below": ("limits { linger_s = -1 }", "linger_s is -1"),
    "no number": ("limits { connect_s = 0/0 }", "connect_s is nan"),
    "without end": ("limits { connect_s = 1/0 }", "connect_s is inf"),
    "too little memory": ("limits { lua_memory_bytes = 1 }", "from 4,194,304 to"),
    "marks crossed": ("limits { high_water_bytes = 1024 }", "would never be resumed"),
    "a global beside": ('backendPort = "80"', "backendPort is set, and so are listen or pool"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_line_the_thing_and_what_is_right(call: str, message: str) -> None:
    error = error_of(f"{MINIMAL}-- a comment\n{call}")
    assert str(error).startswith("site.lua:4: ")
    assert message in str(error)
    assert error.line == 4


def test_a_call_over_several_lines_is_named_by_its_first() -> None:
    error = error_of('\npool("web", {\n  backends = {\n    { name = "a" },\n  },\n})\n')
    assert str(error) == 'site.lua:2: backend "web/a": address is missing'


def test_health_ejection_slow_start_and_fallback_have_good_defaults() -> None:
    loaded = load_source(
        MINIMAL.encode()
        + b"""
pool("spare", {})
pool("all", { health = {}, eject = {}, slow_start = 30, fallback = "spare" })
pool("some", { health = { tcp = true, rise = 1 }, eject = { statuses = "500, 502-504" } })
""",
        "site.lua",
    )
    web, _, everything, some = loaded.config.pools
    assert (web.health, web.eject, web.slow_start_s, web.fallback) == (None, None, 0.0, "")
    assert str(everything.health) == "GET / for 200-399 every 2 s within 1 s, rise 2, fall 3"
    assert str(everything.eject) == "after 5 errors in a row (502-504) for 30 to 300 s"
    assert (everything.slow_start_s, everything.fallback) == (30.0, "spare")
    assert str(some.health) == "tcp every 2 s within 1 s, rise 1, fall 3"
    assert some.eject is not None
    assert [status for status in range(600) if status in some.eject.statuses] == [
        500, 502, 503, 504
    ]  # fmt: skip
