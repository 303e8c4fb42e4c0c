"""What `rsp check` says, and the rules that it says it by."""

import msgspec

from rsp.core.vocabulary import Severity


class Finding(msgspec.Struct, frozen=True):
    """One thing that `rsp check` has to say."""

    rule: str
    severity: Severity
    line: int | None
    """Counted from 1; null when it is about the file as a whole."""
    message: str


class CheckReport(msgspec.Struct, frozen=True):
    """`check`: a file and what was found in it."""

    file: str
    findings: list[Finding]


RULES: dict[str, str] = {
    "broken": "The file does not load. Exit status 2.",
    "expectation": "An `-- expect:` line cannot be understood, or does not hold.",
    "no_listener": "Nothing listens, so nobody can connect.",
    "empty_pool": "A pool has no backend.",
    "weight_zero_pool": "Every backend of a pool has weight 0, so its policy picks none.",
    "shadowed_backend": "Two backends of a pool have one address: the second is the first again, "
    "gets its share twice, and serves on when the other is drained.",
    "modulo_hash": "Advice: `hash_mod` moves most keys whenever the number of backends changes.",
    "unknown_pool": "`route` names a pool or a backend that is not there, by a name that stands in "
    "the file.",
    "no_default": "`route` returns nothing for some request, which then gets a 502.",
    "route_fails": "`route` stops with an error of Lua (not one of its own `error(…)`), or spends "
    "its budget.",
    "unreachable_rule": "No request gets to a rule: another one before it takes every request that "
    "it would take, or it waits for a `request.host` with capitals, a port or a final dot.",
    "case_sensitive_key": "Two spellings of one name that differ by case take different routes. "
    "Advice where the name is a part of the path and nothing shows that it names a host: case may "
    "matter in it.",
    "port_in_key": "A host takes another route when its default port is written out.",
    "trailing_dot": "A host takes another route when it is written with its final dot.",
    "percent_encoding": "A path takes another route when `~` is written as `%7E`, a code in small "
    "letters, or when `route` waits for characters that come only percent-coded. Advice where a "
    "part of the path is a key, for which nobody may ever send such a code.",
    "same_identity": "A `same_identity` is declared, and the Host and the part of the path that "
    "name one thing take different routes.",
}
"""Every rule by its name, in a sentence. `docs/lint.md` shows them."""
