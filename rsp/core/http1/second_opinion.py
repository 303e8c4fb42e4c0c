"""llhttp's opinion of a request head that our own grammar accepts.

Two parsers that were written apart must both accept a request before it is passed on: what one of
them reads differently is what request smuggling is made of.
"""

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser


class _NoCallbacks:
    """llhttp asks which callbacks there are; without any it builds no objects."""


_CALLBACKS = _NoCallbacks()


class RequestOpinion:
    """Judges request heads, one after the other. Not for several threads."""

    __slots__ = ("_parser",)

    def __init__(self) -> None:
        self._parser: Any = HttpRequestParser(_CALLBACKS)

    def accepts(self, head: bytes, *, is_plain: bool) -> bool:
        """Return whether llhttp accepts this request head.

        `is_plain` says that it is HTTP/1.1 and has no field about a body or the connection: only
        then does llhttp stand at a fresh start afterwards, so that one parser can judge them all.
        """
        parser = self._parser if is_plain else HttpRequestParser(_CALLBACKS)
        try:
            parser.feed_data(head)
        except HttpParserUpgrade:
            return True
        except HttpParserError:
            self._parser = HttpRequestParser(_CALLBACKS)
            return False
        return True
