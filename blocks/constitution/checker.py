"""The type check of a condition against the schema of its stage.

Whatever is not understood is an error: a condition that loads is one whose every name, field, function
and operand exists, so that a typo cannot become a rule that silently never matches.
"""

from collections.abc import Callable, Mapping
from functools import singledispatchmethod

import re2

from blocks.constitution import parser
from blocks.constitution.closeness import closest as closest  # noqa: PLC0414  # it began here
from blocks.constitution.functions import SIGNATURES, Signature, regular_expression
from blocks.constitution.history_calls import asks_history, history_type
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import Node
from blocks.constitution.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    HISTORY,
    INT,
    NULL,
    NUMBERS,
    ORDERED,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    comparable,
    fits,
    list_of,
)

_LITERALS: Mapping[str, Type] = {
    "string": STRING,
    "bytes": BYTES,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "bool": BOOL,
    "null": NULL,
}
_SUMS: Mapping[tuple[str, Type, Type], Type] = {
    ("+", TIMESTAMP, DURATION): TIMESTAMP,
    ("+", DURATION, TIMESTAMP): TIMESTAMP,
    ("+", DURATION, DURATION): DURATION,
    ("-", TIMESTAMP, DURATION): TIMESTAMP,
    ("-", TIMESTAMP, TIMESTAMP): DURATION,
    ("-", DURATION, DURATION): DURATION,
    ("+", STRING, STRING): STRING,
    ("+", BYTES, BYTES): BYTES,
}
_LARGEST_INT = 2**63


def check_condition(tree: Node, variables: Mapping[str, Type]) -> None:
    """Raises `ConditionError` unless the expression is certainly a bool over these variables."""
    found = Checker(variables).type_of(tree)
    if found != BOOL:
        mend = "; compare it: `... == true`" if found == DYN else ""
        raise ConditionError(f"a condition must be a bool, this is {found}{mend}", tree.position)


class Checker:
    """Infers the type of every part of an expression."""

    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._variables = variables

    def type_of(self, node: Node) -> Type:
        kind: Type = _TYPED(type(node))(self, node)
        return kind

    @singledispatchmethod
    def _typed(self, node: Node) -> Type:
        raise ConditionError(f"{type(node).__name__} is not understood", node.position)

    @_typed.register
    def _(self, node: parser.Literal) -> Type:
        if node.kind == "int" and isinstance(node.value, int) and node.value > _LARGEST_INT:
            raise ConditionError(f"{node.value} does not fit into 64 bits", node.position)
        return _LITERALS[node.kind]

    @_typed.register
    def _(self, node: parser.Name) -> Type:
        if node.name not in self._variables:
            raise ConditionError(
                f"unknown variable {node.name!r}{closest(node.name, self._variables)}", node.position
            )
        if self._variables[node.name] == HISTORY:
            raise ConditionError(
                "history is asked with history.count(stage, glob), count_within, refused or saw",
                node.position,
            )
        return self._variables[node.name]

    @_typed.register
    def _(self, node: parser.Member) -> Type:
        owner = self.type_of(node.owner)
        if owner.is_record:
            fields = dict(owner.fields)
            if node.name not in fields:
                place = written(node.owner)
                raise ConditionError(
                    f"no field {node.name!r} in `{place}`{closest(node.name, fields)}", node.position
                )
            return fields[node.name]
        if owner.name == "map":
            return owner.inner[1]
        if owner == DYN:
            return DYN
        raise ConditionError(f"{owner} has no field {node.name!r}", node.position)

    @_typed.register
    def _(self, node: parser.Index) -> Type:
        owner, key = self.type_of(node.owner), self.type_of(node.key)
        wanted = INT if owner.name == "list" else STRING
        if owner.name not in {"list", "map", "dyn"}:
            raise ConditionError(f"{owner} has no [...]", node.position)
        if owner != DYN and not fits(key, wanted):
            raise ConditionError(f"{owner}[...] takes {wanted}, not {key}", node.position)
        return owner.inner[-1] if owner.inner else DYN

    @_typed.register
    def _(self, node: parser.Unary) -> Type:
        operand = self.type_of(node.operand)
        if node.operator == "!":
            return self._bool(operand, "!", node)
        if operand not in {INT, DOUBLE, DYN}:
            raise ConditionError(f"'-' needs a number, not {operand}", node.position)
        return operand

    @_typed.register
    def _(self, node: parser.Binary) -> Type:
        left, right = self.type_of(node.left), self.type_of(node.right)
        if node.operator in {"&&", "||"}:
            self._bool(left, node.operator, node.left)
            return self._bool(right, node.operator, node.right)
        if node.operator in {"==", "!="}:
            return self._require(comparable(left, right), node, left, right)
        if node.operator == "in":
            return self._membership(node, left, right)
        if node.operator in {"<", "<=", ">", ">="}:
            ordered = all(kind in ORDERED or kind == DYN for kind in (left, right))
            return self._require(ordered and comparable(left, right), node, left, right)
        return self._arithmetic(node, left, right)

    @_typed.register
    def _(self, node: parser.Ternary) -> Type:
        self._bool(self.type_of(node.condition), "?", node.condition)
        then, otherwise = self.type_of(node.then), self.type_of(node.otherwise)
        if then == otherwise:
            return then
        if not fits(then, otherwise):
            raise ConditionError(f"'?:' gives {then} or {otherwise}: make them one type", node.position)
        return DYN

    @_typed.register
    def _(self, node: parser.ListOf) -> Type:
        kinds = {self.type_of(item) for item in node.items}
        return list_of(kinds.pop() if len(kinds) == 1 else DYN)

    @_typed.register
    def _(self, node: parser.MapOf) -> Type:
        for key, _ in node.items:
            if (kind := self.type_of(key)) != STRING:
                raise ConditionError(f"keys of a map are strings here, not {kind}", key.position)
        kinds = {self.type_of(value) for _, value in node.items}
        return Type("map", (STRING, kinds.pop() if len(kinds) == 1 else DYN))

    @_typed.register
    def _(self, node: parser.Macro) -> Type:
        owner = self.type_of(node.owner)
        if owner.name not in {"list", "map", "dyn"}:
            raise ConditionError(f"{node.name}() needs a list or a map, not {owner}", node.position)
        if node.variable in self._variables:
            raise ConditionError(f"{node.variable!r} hides a variable of the stage: rename it", node.position)
        inner = Checker({**self._variables, node.variable: owner.inner[0] if owner.inner else DYN})
        kinds = [inner.type_of(body) for body in node.bodies]
        if node.name == "map":
            if len(kinds) > 1:
                self._bool(kinds[0], "map()", node)
            return list_of(kinds[-1])
        self._bool(kinds[0], f"{node.name}()", node)
        return list_of(owner.inner[0] if owner.inner else DYN) if node.name == "filter" else BOOL

    @_typed.register
    def _(self, node: parser.Call) -> Type:
        special: Mapping[str, Callable[[parser.Call], Type]] = {"has": self._has, "size": self._size}
        if asks_history(node) and self._variables.get("history") == HISTORY:
            return history_type(node)
        if node.name in special:
            return special[node.name](node)
        if node.name not in SIGNATURES:
            raise ConditionError(
                f"unknown function {node.name}(){closest(node.name, SIGNATURES)}", node.position
            )
        owner = self.type_of(node.owner) if node.owner else None
        kinds = tuple(self.type_of(argument) for argument in node.arguments)
        self._regular_expression(node)
        for signature in SIGNATURES[node.name]:
            if _accepts(signature, owner, kinds):
                return signature.result
        called = f"{owner}." if owner else ""
        given = ", ".join(map(str, kinds))
        raise ConditionError(f"no {called}{node.name}({given}): wrong operands", node.position)

    def _has(self, node: parser.Call) -> Type:
        if node.owner or len(node.arguments) != 1 or not isinstance(node.arguments[0], parser.Member):
            raise ConditionError("has() takes one field, as in has(tool.arguments.path)", node.position)
        self.type_of(node.arguments[0])
        return BOOL

    def _size(self, node: parser.Call) -> Type:
        measured = [node.owner, *node.arguments] if node.owner else list(node.arguments)
        if len(measured) != 1:
            raise ConditionError("size() takes one value", node.position)
        kind = self.type_of(measured[0])
        if kind.name not in {"string", "bytes", "list", "map", "dyn"}:
            raise ConditionError(f"size() is not defined for {kind}", node.position)
        return INT

    def _regular_expression(self, node: parser.Call) -> None:
        if node.name != "matches" or not node.arguments:
            return
        pattern = node.arguments[-1]
        if not isinstance(pattern, parser.Literal):
            raise ConditionError("matches() takes a pattern written out as a string", node.position)
        try:
            regular_expression(str(pattern.value))
        except (re2.error, UnicodeError) as error:
            why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise ConditionError(f"matches(): not a regular expression: {why}", pattern.position) from None

    def _membership(self, node: parser.Binary, left: Type, right: Type) -> Type:
        if right == DYN:
            return BOOL
        if right.name not in {"list", "map"}:
            raise ConditionError(f"'in' needs a list or a map, not {right}", node.position)
        return self._require(comparable(left, right.inner[0]), node, left, right)

    def _arithmetic(self, node: parser.Binary, left: Type, right: Type) -> Type:
        if DYN in {left, right}:
            return right if left == DYN else left
        if left == right and left in NUMBERS and not (node.operator == "%" and left == DOUBLE):
            return left
        if node.operator == "+" and left.name == right.name == "list" and fits(left, right):
            return left if left == right else list_of(DYN)
        result = _SUMS.get((node.operator, left, right))
        if result is None:
            raise ConditionError(f"{left} {node.operator} {right} is not defined", node.position)
        return result

    @staticmethod
    def _bool(kind: Type, operator: str, node: Node) -> Type:
        if kind != BOOL:
            mend = "; compare it: `... == true`" if kind == DYN else ""
            raise ConditionError(f"{operator!r} needs a bool, not {kind}{mend}", node.position)
        return BOOL

    @staticmethod
    def _require(condition: bool, node: parser.Binary, left: Type, right: Type) -> Type:  # noqa: FBT001
        if not condition:
            raise ConditionError(f"{left} {node.operator} {right} can never hold", node.position)
        return BOOL


_TYPED = vars(Checker)["_typed"].dispatcher.dispatch
"""`singledispatchmethod` itself makes a new function for every call, which is most of what it takes."""


def _accepts(signature: Signature, owner: Type | None, kinds: tuple[Type, ...]) -> bool:
    if (signature.owner is None) != (owner is None) or len(signature.arguments) != len(kinds):
        return False
    if owner and signature.owner and not fits(owner, signature.owner):
        return False
    return all(fits(given, wanted) for given, wanted in zip(kinds, signature.arguments, strict=True))


def written(node: Node) -> str:
    """A field's path as the author wrote it."""
    if isinstance(node, parser.Member):
        return f"{written(node.owner)}.{node.name}"
    return node.name if isinstance(node, parser.Name) else "..."
