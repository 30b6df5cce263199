"""The parts of a condition that must all hold."""

from blocks.constitution.lexer import Token, tokens_of

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_LOOSER = frozenset({"||", "?"})


def clauses_of(source: str) -> tuple[str, ...]:
    """The source of each part of the condition that a top-level `&&` joins; all of it when none does."""
    return tuple(_text(source, part) for part in _parts(tokens_of(source)[:-1]))


def _parts(tokens: list[Token]) -> list[list[Token]]:
    inner = _unwrapped(tokens)
    found: list[list[Token]] = [[]]
    for token, depth in zip(inner, _depths(inner), strict=True):
        if token.kind == "op" and not depth and token.text in _LOOSER:
            return [inner]
        if token.kind == "op" and not depth and token.text == "&&":
            found.append([])
        else:
            found[-1].append(token)
    if len(found) == 1:
        return found
    return [part for conjunct in found for part in _parts(conjunct)]


def _unwrapped(tokens: list[Token]) -> list[Token]:
    """Without the parentheses that enclose all of it."""
    while len(tokens) > 2 and _opens(tokens[0]) and tokens[0].text == "(":
        closed = next(number for number, depth in enumerate(_depths(tokens)) if number and not depth)
        if closed != len(tokens) - 1:
            break
        tokens = tokens[1:-1]
    return tokens


def _depths(tokens: list[Token]) -> list[int]:
    """How deep in brackets each token lies; brackets lie as deep as what is around them."""
    found, depth = [], 0
    for token in tokens:
        depth -= token.kind == "op" and token.text in _CLOSING
        found.append(depth)
        depth += _opens(token)
    return found


def _opens(token: Token) -> bool:
    return token.kind == "op" and token.text in _OPENING


def _text(source: str, tokens: list[Token]) -> str:
    last = tokens[-1]
    return source[tokens[0].position : last.position + len(last.text)]
