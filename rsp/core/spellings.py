"""The spellings of one name: of a host, of a path, and of the keys that are made from them.

What means the same: a host in any case (RFC 9110, section 4.2.3), with a final dot (RFC 1034,
section 3.1) or with the port that is the default anyway (RFC 3986, section 6.2.3); a path with a
character that need not be percent-coded, coded or not, and with the digits of a code in either
case (RFC 3986, sections 2.1 and 6.2.2).
"""

import re
from collections.abc import Iterator

_PORT = re.compile(r"(?P<host>[^:]*|\[.*\]):[0-9]+")
_CODE = re.compile(r"%[0-9A-Fa-f]{2}")
_CODES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_SLASHES = re.compile(r"/{2,}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CANNOT_BE_SENT = re.compile(r"[^\x21\x22\x24-\x7e]")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+")
_FILE_ENDINGS = frozenset(
    """
    aspx atom avif bin bz2 cgi conf css csv deb do doc docx exe gif gz htm html ico ini iso jar jpeg
    jpg js json jsp log map md mjs mov mp3 mp4 pdf php png ppt rar rpm rss svg tar tgz tif toml ts
    ttf txt wasm wav webm webmanifest webp woff woff2 xhtml xls xlsx xml yaml yml zip
    """.split()  # noqa: SIM905
)
"""Last parts of a name with dots that make it the name of a file."""


def normal_form(key: str) -> str:
    """Return the spelling that every spelling of the same name comes down to."""
    text = _SLASHES.sub("/", _CODES.sub(_decoded, key)).lower()
    if (found := _PORT.fullmatch(text)) is not None:
        text = found["host"]
    return text.removesuffix(".")


def _decoded(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace")


def is_host_name(text: str) -> bool:
    """Tell whether `text` looks like the name of a host: parts with dots, and no file."""
    if len(text) > 253 or not _HOST.fullmatch(text):
        return False
    return text.rpartition(".")[2].lower() not in _FILE_ENDINGS


def in_capitals(name: str) -> str:
    """Return a name as people write it who like capitals: `Www.Example.Com`."""
    return re.sub(r"[a-z]+", lambda word: word[0].capitalize(), name.lower())


def percent_spellings(path: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of spellings of `path` that are the same one, as clients write them.

    Letters and digits are left alone: nobody codes these.
    """
    if _CANNOT_BE_SENT.search(path):
        coded = _CANNOT_BE_SENT.sub(lambda found: _coded(found[0]), path)
        yield path, coded
        path = coded
    if "~" in path:
        yield path, path.replace("~", "%7E")
    plain = _CODE.sub(_plain_when_unreserved, path)
    if plain != path:
        yield path, plain
    large = _CODE.sub(lambda found: found[0].upper(), path)
    small = _CODE.sub(lambda found: found[0].lower(), path)
    if large != small:
        yield large, small


def _coded(character: str) -> str:
    """Return a character of latin-1, which stands for a byte, as a percent-code."""
    return "".join(f"%{byte:02X}" for byte in character.encode("latin-1", "replace"))


def _plain_when_unreserved(found: re.Match[str]) -> str:
    character = chr(int(found[0][1:], 16))
    return character if character in _UNRESERVED else found[0]
