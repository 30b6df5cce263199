"""What stands in a condition as it is: literals, and whether two expressions are the same."""

from collections.abc import Hashable
from dataclasses import fields

from blocks.constitution import parser
from blocks.constitution.parser import Node, Unary

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""A comparison as its other side sees it."""
_UNSAID = frozenset({"position", "text"})
"""Where a part stands and how it is written changes nothing."""
_EXACT = 2**53
"""From here on the engine may round an int to a double."""


def key_of(node: Node) -> Hashable:
    """The same for the same expressions, wherever they stand."""
    parts = (getattr(node, part.name) for part in fields(node) if part.name not in _UNSAID)
    return (type(node).__name__, *(_key(part) for part in parts))


def _key(part: object) -> Hashable:
    if isinstance(part, Node):
        return key_of(part)
    if isinstance(part, tuple):
        return tuple(_key(item) for item in part)
    return (type(part).__name__, part)


def literal_of(node: Node) -> Hashable | None:
    """Kind and value of a literal, also of a negative number."""
    if isinstance(node, parser.Literal):
        return (node.kind, node.value)
    if isinstance(node, Unary) and node.operator == "-" and isinstance(node.operand, parser.Literal):
        value = node.operand.value
        if isinstance(value, int | float):
            return (node.operand.kind, -value)
    return None


def number_of(value: Hashable) -> float | None:
    if isinstance(value, tuple) and value[0] in {"int", "uint", "double"}:
        return float(value[1]) if abs(value[1]) < _EXACT else None
    return None


def same(one: Hashable, other: Hashable) -> bool | None:
    """Whether two literals are equal; None where the engine's rounding might decide."""
    if one == other:
        return True
    kinds = {item[0] for item in (one, other) if isinstance(item, tuple)}
    if kinds <= {"int", "uint", "double"} and len(kinds) > 1:
        left, right = number_of(one), number_of(other)
        return None if left is None or right is None else left == right
    return False


def satisfies(value: float, operator: str, limit: float) -> bool:
    if operator[0] == ">":
        return value > limit or (operator == ">=" and value == limit)
    return value < limit or (operator == "<=" and value == limit)
