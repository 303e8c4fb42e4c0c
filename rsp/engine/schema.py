"""What a configuration may say: every name, its kind, its default, and one sentence about it.

The one home of these: the loader reads by it and the reference (docs/configuration.md) is made
from it. The names of `limits { … }` stand in `core/limits.py`.
"""

from typing import NamedTuple

from rsp.core.lab_limits import NAME_CHARACTERS
from rsp.core.limits import QUEUE_LENGTH, QUEUE_TIMEOUT_S
from rsp.core.policies import POLICIES
from rsp.core.vocabulary import BackendState, Mode, ProxyVersion


class Missing:
    """The default of what has none."""


REQUIRED = Missing()
"""It must be there."""
ABSENT = Missing()
"""It may be left out, and there is no value then."""

Default = str | int | float | bool | Missing


class Key(NamedTuple):
    """One name of a table."""

    name: str
    kind: str
    """In words: `text`, `whole number`, `seconds`, `true or false`, `list of networks`, …"""
    default: Default
    says: str
    """What it does, in Markdown."""
    choices: tuple[str, ...] = ()
    """All that it may be, when these are few."""


class Table(NamedTuple):
    """One table of a configuration."""

    written: str
    """How it is written; its names stand in the place of `…`."""
    says: str
    keys: tuple[Key, ...]


LISTEN = (
    Key("address", "text", ABSENT, "Where to listen: `127.0.0.1:8080`, `[::1]:8080`, or "
        "`unix:/path`. Port 0 lets the kernel choose."),
    Key("fd", "whole number", ABSENT, "Instead of an address: a listening socket that whoever "
        "started the process has opened."),
    Key("mode", "text", Mode.HTTP.value, "What is spoken there: requests and responses, or bytes.",
        tuple(Mode)),
    Key("pool", "text", ABSENT, "The pool that gets everything; without it `route` decides, or "
        "the first pool of the file does."),
    Key("trusted_proxies", "list of networks", ABSENT, "Peers whose `X-Forwarded-*` fields are "
        "appended to; those of others are replaced."),
    Key("accept_proxy", "list of networks", ABSENT, "Peers that must send a PROXY header first; "
        "nobody else may."),
    Key("max_connections", "whole number", ABSENT, "Client connections at once; without it the "
        "limit of the same name."),
    Key("max_connections_per_client", "whole number", ABSENT, "Connections of one client address "
        "at once, 0 for any number; without it the limit of the same name."),
)  # fmt: skip

POOL = (
    Key("balance", "text", "round_robin", "The policy that picks among the backends.",
        tuple(POLICIES)),
    Key("host", "text", "keep", "Which Host a backend sees: `keep` (what the client sent), "
        "`backend` (its own address), or a name."),
    Key("send_proxy", "text", ABSENT, "The version of the PROXY header that each connection to a "
        "backend begins with.", tuple(ProxyVersion)),
    Key("forwarded", "true or false", False, "Whether a backend is told of the client by "
        "`Forwarded` too (RFC 7239)."),
    Key("health", "table", ABSENT, "How each backend is checked; without it nobody checks them, "
        "and whether they are up is unknown. A backend that is down gets nothing, not even when "
        "`route` names it."),
    Key("eject", "table", ABSENT, "When a backend that fails requests is left out for a while; "
        "`{}` takes the defaults, and without it none is. At most half of a pool is, rounded down: "
        "one backend that is alone never."),
    Key("slow_start", "seconds", 0.0, "For how long the weight of a backend grows that came up, "
        "back to work, or into the pool. With `round_robin`, `least_connections` and `random_two` "
        "alone: with `hash` and `hash_mod` keys would move at each step, and `first` looks at no "
        "weight."),
    Key("fallback", "text", ABSENT, "The pool that takes a request when nobody here is available; "
        "not one for which `route` named the backend itself. Without it the answer is 503."),
    Key("queue", "table", ABSENT, "Who may wait while all backends are full; without it they are "
        "refused at once. A `fallback` is asked only when there is nobody to wait for."),
    Key("sticky", "table", ABSENT, "By what a client comes back to the same backend, as long as "
        "that one is there; without it the policy decides each time."),
    Key("backends", "list of backends", ABSENT, "Who answers."),
)  # fmt: skip

HEALTH = (
    Key("path", "text", "/", "What is asked for with GET."),
    Key("tcp", "true or false", False, "Whether an accepted connection is enough: nothing is "
        "asked then, and `path`, `expect` and `host` may not stand beside it."),
    Key("interval", "seconds", 2.0, "From the beginning of a check to that of the next one; one "
        "that takes longer is waited for."),
    Key("timeout", "seconds", 1.0, "A check that is not over by then has failed."),
    Key("rise", "whole number", 2, "Good checks in a row that make a backend up."),
    Key("fall", "whole number", 3, "Failed checks in a row that make it down."),
    Key("expect", "text", "200-399", "Which status codes are good: `200-399`, or `200, 204`."),
    Key("host", "text", ABSENT, "The Host that is asked for; without it that of the pool, where "
        "it names one, or else the backend's own address."),
)  # fmt: skip

EJECT = (
    Key("errors", "whole number", 5, "Failed connects and bad answers in a row that eject a "
        "backend. An answer that is not bad begins the count anew; in tcp mode a connect does."),
    Key("statuses", "text", "502-504", "Which answers are bad: those by which a backend says that "
        "it cannot serve. A 500 is more often the fault of one page, which all backends have."),
    Key("seconds", "seconds", 30.0, "How long it is out the first time. It doubles each time, and "
        "begins anew after the backend has served for as long as it was out."),
    Key("most", "seconds", 300.0, "The longest time that it is out."),
)  # fmt: skip

STICKY = (
    Key("cookie", "text", ABSENT, "Name of a cookie that the client is given, and that no backend "
        "sees. Its value stands for the backend's name. HTTP only."),
    Key("by", "text", "client", "`client`: its address is remembered, for half an hour after it "
        "came last.", ("client",)),
)  # fmt: skip

QUEUE = (
    Key("length", "whole number", QUEUE_LENGTH, "Requests (http) or sessions (tcp) that wait at "
        "once, 1 to 10,000; the next one is refused."),
    Key("timeout", "seconds", QUEUE_TIMEOUT_S, "For how long each of them waits at most."),
)  # fmt: skip

BACKEND = (
    Key("name", "text", REQUIRED, "Its name in the pool: letters, digits, `_`, `.` and `-`, "
        f"{NAME_CHARACTERS} at most."),
    Key("address", "text", REQUIRED, "`127.0.0.1:9001`, `[::1]:9001`, `app.internal:80`, or "
        "`unix:/path`."),
    Key("weight", "whole number", 1, "Its share, 0 to 256. With 0 a policy gives it nothing; "
        "`route` can still name it."),
    Key("max_connections", "whole number", 0, "Exchanges (http) or sessions (tcp) that it may "
        "have at once; 0 is any number."),
    Key("state", "text", BackendState.READY.value, "`drain` takes nothing new, `maint` is left "
        "alone.", tuple(BackendState)),
)  # fmt: skip

SAME_IDENTITY = (
    Key("path", "text", REQUIRED, "A Lua pattern of the whole path with one capture, which names "
        "the same as a Host does."),
)  # fmt: skip

TABLES = (
    Table("listen { … }", "A listener. There may be any number of them.", LISTEN),
    Table('pool("NAME", { … })', "A group of backends that can stand in for each other.", POOL),
    Table('pool("NAME", { backends = { { … } } })', "One backend of a pool.", BACKEND),
    Table('pool("NAME", { health = { … } })', "How the backends of a pool are checked.", HEALTH),
    Table('pool("NAME", { eject = { … } })', "When a backend that fails requests is left out.",
          EJECT),
    Table('pool("NAME", { sticky = { … } })', "How a client comes back to the backend it had.",
          STICKY),
    Table('pool("NAME", { queue = { … } })', "Who waits where all backends are full.", QUEUE),
    Table("same_identity { … }", "Two ways to name one thing, for `rsp check` and `rsp ctl audit`.",
          SAME_IDENTITY),
)  # fmt: skip
"""Every table that the loader reads: whoever adds one adds it here."""

REQUEST = (
    Key("method", "text", REQUIRED, "`GET`, `POST`, …"),
    Key("path", "text", REQUIRED, "Up to the `?`, as the client sent it."),
    Key("query", "text", REQUIRED, "What is behind the `?`, empty where there is none."),
    Key("host", "text", REQUIRED, "The Host in small letters, without port and without final dot."),
    Key("raw_host", "text", REQUIRED, "The Host as the client sent it."),
    Key("headers", "table", REQUIRED, "The fields by their names, in any case; what came more "
        "than once is joined by `, `. It can be read only while the request is routed."),
    Key("client_ip", "text", REQUIRED, "The address of the client, `unix` for one that came by a "
        "unix socket."),
    Key("listener", "text", REQUIRED, "Where it came in: the address of the listener, with its "
        "real port."),
)  # fmt: skip
"""What `route` is given. Any other name is an error."""

ANSWER = (
    Key("key", "text", ABSENT, "What the policies that need a key hash; without it the host, or "
        "the client's address where there is none."),
    Key("reason", "text", ABSENT, "Why, in words of your own. Decisions show it."),
)  # fmt: skip
"""What `route` may return in a table behind the name of the pool."""
