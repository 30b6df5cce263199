"""CEL as a tree, for the type check at load time. Evaluation is the engine's (`cel`)."""

from dataclasses import dataclass

from blocks.constitution.lexer import ConditionError, Token, tokens_of

DEEPEST = 40
"""How far expressions may nest; the engine recurses, and so does the checker."""
MOST_OPERATORS = 100
LONGEST = 4000
MACROS = {"all": (2,), "exists": (2,), "exists_one": (2,), "filter": (2,), "map": (2, 3)}
_WORDS = {"true": True, "false": False, "null": None}
_BINDING = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">=", "in"], 3),
    **dict.fromkeys(["+", "-"], 4),
    **dict.fromkeys(["*", "/", "%"], 5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Any part of an expression."""

    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    kind: str
    value: object
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    owner: Node
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    owner: Node
    key: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A function, a method (`owner` set), or `has`."""

    name: str
    owner: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro(Node):
    """`list.all(variable, body)` and its kin."""

    name: str
    owner: Node
    variable: str
    bodies: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Ternary(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf(Node):
    items: tuple[tuple[Node, Node], ...]


def parse(source: str) -> Node:
    """The tree of one expression, or a `ConditionError` that says where it stops making sense."""
    if len(source) > LONGEST:
        raise ConditionError(f"a condition has at most {LONGEST} characters, not {len(source)}")
    return _Parser(tokens_of(source)).whole()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._operators = 0

    def whole(self) -> Node:
        tree = self._expression()
        if self._peek.kind != "end":
            raise ConditionError(f"unexpected {self._peek.text!r}", self._peek.position)
        return tree

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _is(self, text: str) -> bool:
        return self._peek.kind == "op" and self._peek.text == text

    def _took(self, text: str) -> bool:
        if not self._is(text):
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._took(text):
            found = repr(self._peek.text) if self._peek.kind != "end" else "the end"
            raise ConditionError(f"expected {text!r}, found {found}", self._peek.position)

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConditionError(f"nested deeper than {DEEPEST} levels", self._peek.position)
        condition = self._binary(1)
        if self._took("?"):
            then = self._binary(1)
            self._expect(":")
            otherwise = self._expression()
            condition = Ternary(
                position=condition.position, condition=condition, then=then, otherwise=otherwise
            )
        self._depth -= 1
        return condition

    def _operator(self) -> str:
        token = self._peek
        return token.text if token.kind == "op" or token.text == "in" else ""

    def _binary(self, floor: int) -> Node:
        left = self._unary()
        while (strength := _BINDING.get(self._operator(), 0)) >= floor:
            operator = self._take()
            right = self._binary(strength + 1)
            left = Binary(position=operator.position, operator=operator.text, left=left, right=right)
            self._operators += 1
            if self._operators > MOST_OPERATORS:
                raise ConditionError("too many operators in one condition", operator.position)
        return left

    def _unary(self) -> Node:
        operators: list[Token] = []
        while self._is("!") or self._is("-"):
            operators.append(self._take())
        if len(operators) > DEEPEST:
            raise ConditionError("too many '!' or '-' in a row", operators[0].position)
        node = self._postfix()
        for operator in reversed(operators):
            node = Unary(position=operator.position, operator=operator.text, operand=node)
        return node

    def _postfix(self) -> Node:
        node = self._primary()
        while True:
            if self._took("."):
                node = self._member(node)
            elif self._is("["):
                position = self._take().position
                key = self._expression()
                self._expect("]")
                node = Index(position=position, owner=node, key=key)
            else:
                return node

    def _member(self, owner: Node) -> Node:
        token = self._take()
        if token.kind != "ident":
            raise ConditionError("expected a field name after '.'", token.position)
        if not self._took("("):
            return Member(position=token.position, owner=owner, name=token.text)
        arguments = self._arguments(")")
        if token.text not in MACROS:
            return Call(position=token.position, name=token.text, owner=owner, arguments=arguments)
        return _macro(token, owner, arguments)

    def _arguments(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._took(closing):
            items.append(self._expression())
            if not self._is(closing):
                self._expect(",")
        return tuple(items)

    def _primary(self) -> Node:
        token = self._take()
        if token.kind in {"string", "bytes", "int", "uint", "double"}:
            return Literal(position=token.position, kind=token.kind, value=token.value, text=token.text)
        if token.kind == "ident":
            return self._word(token)
        if token.text == "(":
            inner = self._expression()
            self._expect(")")
            return inner
        if token.text == "[":
            return ListOf(position=token.position, items=self._arguments("]"))
        if token.text == "{":
            return self._map(token)
        found = repr(token.text) if token.kind != "end" else "the end"
        raise ConditionError(f"expected a value, found {found}", token.position)

    def _word(self, token: Token) -> Node:
        if token.text in _WORDS:
            value = _WORDS[token.text]
            kind = "null" if value is None else "bool"
            return Literal(position=token.position, kind=kind, value=value, text=token.text)
        if token.text == "in":
            raise ConditionError("expected a value, found 'in'", token.position)
        if self._took("("):
            arguments = self._arguments(")")
            return Call(position=token.position, name=token.text, owner=None, arguments=arguments)
        return Name(position=token.position, name=token.text)

    def _map(self, token: Token) -> Node:
        items: list[tuple[Node, Node]] = []
        while not self._took("}"):
            key = self._expression()
            self._expect(":")
            items.append((key, self._expression()))
            if not self._is("}"):
                self._expect(",")
        return MapOf(position=token.position, items=tuple(items))


def _macro(token: Token, owner: Node, arguments: tuple[Node, ...]) -> Macro:
    if len(arguments) not in MACROS[token.text]:
        raise ConditionError(f"{token.text}() takes a variable and a condition", token.position)
    variable = arguments[0]
    if not isinstance(variable, Name):
        raise ConditionError(f"the first argument of {token.text}() is a variable name", token.position)
    if variable.name.startswith("_"):
        raise ConditionError(f"a variable's name does not begin with '_': {variable.name}", token.position)
    return Macro(
        position=token.position, name=token.text, owner=owner, variable=variable.name, bodies=arguments[1:]
    )
