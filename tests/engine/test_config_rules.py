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
