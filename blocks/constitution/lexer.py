"""CEL source text as tokens."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["ident", "string", "bytes", "int", "uint", "double", "op", "end"]

_TOKEN = re.compile(
    r"""
    (?P<space>[\s]+|//[^\n]*)
  | (?P<string>(?:[rRbB]{1,2})?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
  | (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<int>0[xX][0-9a-fA-F]+|\d+)(?P<unsigned>[uU])?
  | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<op>&&|\|\||==|!=|<=|>=|[-+*/%!<>()\[\]{}.,:?])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LITERAL = frozenset("\\'\"`?")


class ConditionError(Exception):
    """A condition that cannot be understood or does not fit its stage."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    value: object
    position: int


def tokens_of(source: str) -> list[Token]:
    """Every token of the source, ended by one of kind `end`."""
    found: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise ConditionError(f"unexpected character {source[position]!r}", position)
        token = _token(match, position)
        if token:
            found.append(token)
        position = match.end()
    found.append(Token("end", "", None, len(source)))
    return found


def _token(match: re.Match[str], position: int) -> Token | None:
    if match["space"] is not None:
        return None
    text = match.group()
    if match["string"] is not None:
        return _string(text, position)
    if match["double"] is not None:
        return Token("double", text, float(text), position)
    if match["int"] is not None:
        return Token("uint" if match["unsigned"] else "int", text, int(match["int"], 0), position)
    return Token("ident" if match["ident"] is not None else "op", text, text, position)


def _string(text: str, position: int) -> Token:
    quote_at = min(place for place in (text.find('"'), text.find("'")) if place >= 0)
    prefix, body = text[:quote_at].lower(), text[quote_at:]
    width = 3 if body[:3] in {'"""', "'''"} else 1
    inner = body[width:-width]
    if "r" not in prefix:
        inner = _ESCAPE.sub(lambda match: _unescaped(match[1], position), inner)
    return Token("bytes" if "b" in prefix else "string", text, inner, position)


def _unescaped(escape: str, position: int) -> str:
    if escape in _SIMPLE:
        return _SIMPLE[escape]
    if escape in _LITERAL:
        return escape
    if escape[0] in "xuU" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    if escape[0] in "0123" and len(escape) > 1:
        return chr(int(escape, 8))
    raise ConditionError(
        f"unknown escape '\\{escape}' in a string; write r'...' for a regular expression", position
    )
