"""What is a secret, and what is shown in its place: the one home of both.

Redaction happens where something leaves the engine: rows for whoever looks, lines of the log,
sentences of refusals. What is routed and what is sent to a backend stays whole. A secret is shown
as `<secret 3f9a2c1b77>`, a keyed hash with a key for each run of the engine: equal secrets stay
equal, and nobody can try values against it afterwards.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote

SHORTEST_SECRET_CHARACTERS = 4
"""Shorter values stand in every text by chance, and are guessed in a moment anyway."""

SHORTEST_PART_CHARACTERS = 8
"""A word of this length that is found inside a secret is taken for a part of it."""

SALT_BYTES = 16
"""Length of the key of one run: 128 random bits."""

_SHOWN_HASH_BYTES = 5
"""40 bits: of ten thousand different secrets, hardly any two look alike."""

_SECRET_NAME = "(?:cookie|auth|token|key|secret|passw|session|credential|signature)"
_SECRET_FIELD: Final = re.compile(_SECRET_NAME, re.IGNORECASE).search
_SECRET_PARAMETER: Final = re.compile(
    r"token|secret|passw|passphrase|session|credential|signature|apikey|auth(?!or(?!i[sz]))"
    r"|(?:api|access|private|signing|client|master|subscription)[_.-]?key"
    r"|(?:^|[^a-z0-9])(?:key|sig|sid|pwd|pass|otp|jwt)(?![a-z0-9])",
    re.IGNORECASE,
).search
_KEEPS_SCHEME: Final = frozenset(("authorization", "proxy-authorization"))
_HOLDS_COOKIES: Final = frozenset(("cookie", "set-cookie"))

_MAY_HOLD_SECRET = re.compile(r"[=@:]").search
# A name begins where no other character of a name stands before it, so that no text is slow.
_replace_pairs = re.compile(
    r"(?<![\w.%+\[\]~-])([\w.%+\[\]~-]++)=(\"[^\"]*+\"?|'[^']*+'?|[^&;,#\s\"'<>]*+)"
).sub
_field = re.compile(r"(?<![\w-])([\w-]++)[ \t]*+:[ \t]*+").finditer
# Behind a scheme it may be a name alone; elsewhere a name and a password.
_replace_userinfo = re.compile(
    r"((?<=://)[^/?#\s\"'<>]*|(?<![^\s\"'(])[^/?#\s\"'<>:@]++:[^/?#\s\"'<>]*)@"
).sub
_field_of_line = re.compile(r"([\w!#$%&'*+.^`|~-]+)[ \t]*:[ \t]*").match
_MORE = r"[^\n]*+(?:\n[ \t][^\n]*+)*+"
_rest_of_field = re.compile(_MORE).match
_replace_secret_lines = re.compile(
    rf"^([\w!#$%&'*+.^`|~-]{{0,256}}?{_SECRET_NAME}[\w!#$%&'*+.^`|~-]*+)([ \t]*+:[ \t]*+)({_MORE})",
    re.IGNORECASE | re.MULTILINE,
).sub
# In the midst of a line only what is no word of prose; see `_is_field_of_request`.
_replace_secret_fields = re.compile(
    r"(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie"
    rf"|x-[\w-]{{0,256}}?{_SECRET_NAME}[\w-]*+)([ \t]*+:[ \t]*+)({_MORE})",
    re.IGNORECASE,
).sub
# What comes next may be the mark behind a name and a password.
_replace_unfinished = re.compile(r"(?<=://)[^/?#\s\"'<>@]+\Z").sub
_UNFINISHED_CHARACTERS = 1024
_replace_shown = re.compile(r"[^\r\n]").sub
_words = re.compile(rf"[^\s\"'`;,()=&?<>]{{{SHORTEST_PART_CHARACTERS},}}+")


@lru_cache(maxsize=256)
def is_secret_field(name: bytes) -> bool:
    """Tell whether the value of a header field of this name is a secret."""
    return _SECRET_FIELD(name.decode("latin-1")) is not None


@lru_cache(maxsize=256)
def is_secret_parameter(name: str) -> bool:
    """Tell whether the value of a query parameter of this name is a secret."""
    return _SECRET_PARAMETER(unquote(name)) is not None


def secrets_of(query: str, fields: Iterable[tuple[bytes, bytes]]) -> tuple[str, ...]:
    """Return the secret values of a request, the longest first: of its query and its fields.

    Of Authorization that is what follows the scheme, of Cookie each value. One outside ASCII
    comes in both readings, latin-1 and UTF-8.
    """
    found = [value for name, value in _parameters(query) if is_secret_parameter(name)]
    for name, value in fields:
        if is_secret_field(name):
            found += _values_of(name.decode("latin-1").lower(), value.decode("latin-1"))
    found += [other for value in found if (other := _as_utf8(value)) != value]
    long_enough = {value for value in found if len(value) >= SHORTEST_SECRET_CHARACTERS}
    return tuple(sorted(long_enough, key=len, reverse=True))


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    for part in re.split("[&;]", query) if query else ():
        name, _, value = part.partition("=")
        yield name, value
        if "%" in value or "+" in value:
            yield name, unquote(value.replace("+", " "))


def _values_of(name: str, value: str) -> list[str]:
    if name in _HOLDS_COOKIES:
        pairs = [part.strip().partition("=") for part in value.split(";")]
        return [(found if equals else whole).strip('"') for whole, equals, found in pairs]
    _scheme, blank, credentials = value.partition(" ")
    return [credentials.strip()] if blank and name in _KEEPS_SCHEME else [value]


def _as_utf8(value: str) -> str:
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def those_in(secrets: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Return those of `secrets` of which `text` holds all or a part, or is a part itself."""
    if not secrets or len(text) < SHORTEST_SECRET_CHARACTERS:
        return ()
    text = text.lower()
    parts = [text, *_words.findall(text)]
    return tuple(
        secret
        for secret in secrets
        if (low := secret.lower()) in text or any(part in low for part in parts)
    )


def without_userinfo(text: str) -> str:
    """Return `text` with an ellipsis for the user and password of a URL in it."""
    return _replace_userinfo("…@", text)


class Redactor:
    """Puts a mark in the place of every secret. One for each run of the engine."""

    __slots__ = ("_salt",)

    def __init__(self, salt: bytes) -> None:
        """Mark secrets by hashes under `salt`: `SALT_BYTES` random bytes that nobody is told."""
        self._salt = salt

    def mark(self, secret: str) -> str:
        """Return what is shown in the place of `secret`."""
        content = secret.encode("utf-8", "surrogatepass")
        digest = blake2b(content, digest_size=_SHOWN_HASH_BYTES, key=self._salt).hexdigest()
        return f"<secret {digest}>"

    def text(self, text: str, secrets: tuple[str, ...] = ()) -> str:
        """Return `text` without secrets.

        These are `secrets`, which are known to be some (`secrets_of` the request that the text
        is about), whole or in part; and whatever shows by its form that it is one: a parameter,
        a header field or the userinfo of a URL.
        """
        if secrets:
            text = self._without_known(text, secrets)
        if _MAY_HOLD_SECRET(text) is None:
            return text
        if ":" in text:
            text = self._without_fields(text)
            if "@" in text:
                text = _replace_userinfo(lambda match: self._once(match[1]) + "@", text)
        if "=" in text:
            text = _replace_pairs(self._pair, text)
        return text

    def field(self, line: str) -> str:
        """Return one line of a head without secrets: whatever a field of such a name has is one."""
        found = _field_of_line(line)
        if found is None or not is_secret_field(found[1].encode("latin-1", "replace")):
            return self.text(line)
        return line[: found.end()] + self._value(found[1].lower(), line[found.end() :])

    def values(self, values: dict[str, object]) -> dict[str, object]:
        """Return the values of an event, each text without secrets."""
        return {
            name: self.text(value) if isinstance(value, str) else value
            for name, value in values.items()
        }

    def _once(self, value: str) -> str:
        """Return the mark of `value`; what is empty or marked already stays."""
        return value if not value or value.startswith("<secret ") else self.mark(value)

    def _pair(self, match: "re.Match[str]") -> str:
        name, value = match[1], match[2]
        if not value or not is_secret_parameter(name):
            return match[0]
        return f"{name}={self.mark(value)}"

    def _without_known(self, text: str, secrets: tuple[str, ...]) -> str:
        for secret in secrets:
            text = re.sub(re.escape(secret), lambda m: self.mark(m[0]), text, flags=re.IGNORECASE)
        together = "\n".join(secrets).lower()
        if len(text) >= SHORTEST_SECRET_CHARACTERS and text.lower() in together:
            return self.mark(text)
        return _words.sub(
            lambda match: self.mark(match[0]) if match[0].lower() in together else match[0], text
        )

    def _without_fields(self, text: str) -> str:
        """Return `text` without the values of header fields, each up to the end of its line."""
        parts, done = [], 0
        for match in _field(text):
            name = match[1].lower()
            if match.start() < done or not _is_field_of_request(name):
                continue
            end = text.find("\n", match.end())
            end = len(text) if end < 0 else end
            parts += [text[done : match.end()], self._value(name, text[match.end() : end])]
            done = end
        return "".join([*parts, text[done:]])

    def _value(self, name: str, value: str) -> str:
        if name in _HOLDS_COOKIES:
            return "; ".join(self._cookie(part.strip()) for part in value.split(";"))
        scheme, blank, credentials = value.partition(" ")
        if blank and name in _KEEPS_SCHEME:
            return f"{scheme} {self._once(credentials)}"
        return self._once(value)

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return f"{name}={self._once(value)}" if equals else self._once(part)


def _is_field_of_request(name: str) -> bool:
    """Tell whether a name before a colon is that of a field with a secret, not a word of prose."""
    if name in _KEEPS_SCHEME or name in _HOLDS_COOKIES:
        return True
    return name.startswith("x-") and is_secret_field(name.encode("utf-8", "replace"))


def masked(text: str, *, begins_inside: bool = False) -> str:
    """Return `text`, of as many characters, with stars in the place of every secret.

    For bytes as they came, read as latin-1: of a field that may hold one everything is, and the
    lines that continue it (obs-fold) as well. `begins_inside`: the first line is the rest of one.
    """
    rest = _rest_of_field(text) if begins_inside else None
    if rest is not None:
        text = _stars(rest[0]) + text[rest.end() :]
    text = _replace_secret_lines(_masked_field, text)
    text = _replace_secret_fields(_masked_field, text)
    if "@" in text:
        text = _replace_userinfo(lambda match: "*" * len(match[1]) + "@", text)
    if "://" in text[-_UNFINISHED_CHARACTERS:]:
        text = _replace_unfinished(lambda match: "*" * len(match[0]), text)
    return _replace_pairs(_masked_pair, text) if "=" in text else text


def _masked_field(match: "re.Match[str]") -> str:
    name, between, value = match[1], match[2], match[3]
    scheme, blank, credentials = value.partition(" ")
    if blank and name.lower() in _KEEPS_SCHEME:
        return f"{name}{between}{scheme}{blank}{_stars(credentials)}"
    return f"{name}{between}{_stars(value)}"


def _stars(value: str) -> str:
    """Return as many stars, and the ends of lines as they are."""
    return _replace_shown("*", value)


def _masked_pair(match: "re.Match[str]") -> str:
    name, value = match[1], match[2]
    return f"{name}={'*' * len(value)}" if is_secret_parameter(name) else match[0]
