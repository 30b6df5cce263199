"""What the parts of a condition that must hold together say of one expression: values, bounds and texts."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from blocks.constitution import parser
from blocks.constitution.literals import FLIPPED, key_of, literal_of, number_of, same, satisfies
from blocks.constitution.parser import Binary, Node

_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(slots=True)
class Limits:
    """What one branch says of one expression."""

    among: list[tuple[Hashable, ...]] = field(default_factory=list)
    """The values that it may have, once for each time that is said."""
    not_among: list[Hashable] = field(default_factory=list)
    bounds: list[tuple[str, float]] = field(default_factory=list)
    not_bounds: list[tuple[str, float]] = field(default_factory=list)
    texts: list[tuple[str, str, bool]] = field(default_factory=list)
    """Method, its argument, and whether it must hold."""

    def possible(self) -> bool:
        bounds = list(self.bounds)
        if bounds or self.among:  # then it is no NaN, of which no comparison holds
            bounds += [(_OPPOSITE[operator], limit) for operator, limit in self.not_bounds]
        if not _interval(bounds):
            return False
        return not self.among or any(self._may_be(value, bounds) for value in self.among[0])

    def _may_be(self, value: Hashable, bounds: list[tuple[str, float]]) -> bool:
        if any(not _is_among(value, values) for values in self.among[1:]):
            return False
        if any(same(value, other) is True for other in self.not_among):
            return False
        number = number_of(value)
        if number is not None and not all(satisfies(number, *bound) for bound in bounds):
            return False
        text = value[1] if isinstance(value, tuple) and value[0] == "string" else None
        return text is None or all(
            _method(str(text), name, part) is wanted for name, part, wanted in self.texts
        )


def limits_of(parts: Iterable[tuple[Node, bool]]) -> Iterator[Limits]:
    """For each expression what these parts say of it, given whether each holds."""
    found: dict[Hashable, Limits] = {}
    for node, holds in parts:
        if isinstance(node, Binary):
            _limit(found, node, holds=holds)
        elif (
            isinstance(node, parser.Call)
            and node.owner
            and node.name in _METHODS
            and len(node.arguments) == 1
        ):
            part = literal_of(node.arguments[0])
            if isinstance(part, tuple) and part[0] == "string":
                found.setdefault(key_of(node.owner), Limits()).texts.append((node.name, str(part[1]), holds))
    yield from found.values()


def _limit(found: dict[Hashable, Limits], node: Binary, *, holds: bool) -> None:
    """Take what a comparison with literals says of its other side."""
    subject, operator, literals = _comparison(node)
    if subject is None:
        return
    limits = found.setdefault(key_of(subject), Limits())
    if isinstance(subject, parser.Call) and subject.name == "size" and ("<", 0.0) not in limits.bounds:
        limits.bounds.append((">=", 0.0))
    if operator in {"==", "in"}:
        if holds:
            limits.among.append(literals)
        else:
            limits.not_among.extend(literals)
        return
    number = number_of(literals[0])
    if number is not None:
        (limits.bounds if holds else limits.not_bounds).append((operator, number))


def _comparison(node: Binary) -> tuple[Node | None, str, tuple[Hashable, ...]]:
    """The side that is no literal, the operator as seen from it, and the literals."""
    left, right = literal_of(node.left), literal_of(node.right)
    if node.operator == "in" and left is None and isinstance(node.right, parser.ListOf):
        values = [literal_of(item) for item in node.right.items]
        if all(value is not None for value in values):
            return node.left, "in", tuple(values)
    elif node.operator in {"==", *FLIPPED} and (left is None) != (right is None):
        if left is None and right is not None:
            return node.left, node.operator, (right,)
        if left is not None:
            return node.right, FLIPPED.get(node.operator, node.operator), (left,)
    return None, "", ()


def _is_among(value: Hashable, values: tuple[Hashable, ...]) -> bool:
    return any(same(value, other) is not False for other in values)


def _interval(bounds: list[tuple[str, float]]) -> bool:
    """Whether a number may keep all these bounds."""
    low = max((limit for operator, limit in bounds if operator[0] == ">"), default=None)
    high = min((limit for operator, limit in bounds if operator[0] == "<"), default=None)
    if low is None or high is None or low < high:
        return True
    return low == high and all(satisfies(low, *bound) for bound in bounds)


_METHODS = frozenset({"startsWith", "endsWith", "contains"})


def _method(text: str, name: str, part: str) -> bool:
    if name == "startsWith":
        return text.startswith(part)
    return text.endswith(part) if name == "endsWith" else part in text
