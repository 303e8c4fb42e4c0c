"""llhttp's opinion of a head that our own grammar accepts.

Two parsers that were written apart must both accept a head before it is passed on: what one of
them reads differently is what request smuggling is made of.
"""

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, HttpResponseParser


class _NoCallbacks:
    """llhttp asks which callbacks there are; without any it builds no objects."""


_CALLBACKS = _NoCallbacks()


class RequestOpinion:
    """Judges request heads, one after the other. Not for several threads."""

    __slots__ = ("_parser",)

    def __init__(self) -> None:
        self._parser: Any = HttpRequestParser(_CALLBACKS)

    def accepts(self, head: bytes, *, is_whole: bool) -> bool:
        """Return whether llhttp accepts this request head.

        `is_whole` says that the message ends with its head and that the connection goes on: only
        then does the parser stand at a fresh start afterwards, and can be used again.
        """
        parser = self._parser
        if not is_whole:
            parser = HttpRequestParser(_CALLBACKS)
        try:
            parser.feed_data(head)
        except HttpParserUpgrade:
            self._parser = HttpRequestParser(_CALLBACKS)
        except HttpParserError:
            self._parser = HttpRequestParser(_CALLBACKS)
            return False
        return True


def accepts_response(head: bytes) -> bool:
    """Return whether llhttp accepts this response head."""
    try:
        HttpResponseParser(_CALLBACKS).feed_data(head)
    except HttpParserUpgrade:
        return True
    except HttpParserError:
        return False
    return True
