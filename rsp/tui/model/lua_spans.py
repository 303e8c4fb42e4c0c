"""Lua in roles: what a keyword, a string, a comment look like is for the theme to say."""

from functools import lru_cache

from pygments.lexers.scripting import LuaLexer  # type: ignore[import-untyped]
from pygments.token import Token  # type: ignore[import-untyped]

from rsp.core.sanitise import safe
from rsp.tui.limits import SOURCE_LINES, TAB_CELLS
from rsp.tui.model.spans import Line, Span

_ROLES = (
    (Token.Comment, "dim"),
    (Token.Literal.String, "good"),
    (Token.Literal.Number, "request"),
    (Token.Keyword.Constant, "request"),
    (Token.Operator.Word, "accent"),
    (Token.Keyword, "accent"),
    (Token.Name.Function, "response"),
    (Token.Name.Builtin, "response"),
)
"""The first kind that a token is of gives its role."""


def _role(kind: object) -> str:
    return next((role for wanted, role in _ROLES if kind in wanted), "")


@lru_cache(maxsize=4)
def lua_lines(source: str) -> tuple[Line, ...]:
    """Return each line of `source`, safe to show and with a role for each piece."""
    lines: list[list[Span]] = [[]]
    for kind, value in LuaLexer(stripnl=False, ensurenl=False).get_tokens(source):
        role = _role(kind)
        for index, piece in enumerate(value.split("\n")):
            if index:
                lines.append([])
            if piece:
                lines[-1].append(Span(safe(piece.expandtabs(TAB_CELLS)), role))
    if lines and not lines[-1]:
        del lines[-1]
    return tuple(tuple(spans) for spans in lines[:SOURCE_LINES])
