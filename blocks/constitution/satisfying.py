"""Whether a condition can hold at all, and whether it always does, as far as that is certain.

The condition is written as alternatives of facts that must hold together; it can never hold when each
alternative contradicts itself. What is not understood is taken to be possible.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, fields

from blocks.constitution import parser
from blocks.constitution.fact_paths import Path, path_of
from blocks.constitution.parser import Binary, Node, Unary

MOST_BRANCHES = 200
_UNSAID = frozenset({"position", "text"})
"""Where a part stands and how it is written changes nothing."""
_EXACT = 2**53
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class _Atom:
    """A part that is no `&&`, `||`, `!` or `?:`, and whether it must hold or must not."""

    node: Node
    holds: bool


_Branch = tuple[_Atom, ...]


class _TooManyError(Exception):
    """There are more alternatives than are looked at."""


def never_holds(tree: Node) -> bool:
    """Whether the condition certainly holds for no facts; where it cannot be evaluated it does not hold."""
    return not _possible(tree, holds=True)


def always_holds(tree: Node) -> bool:
    """Whether the condition certainly holds for all facts for which it can be evaluated."""
    return not _possible(tree, holds=False)


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


def _possible(tree: Node, *, holds: bool) -> bool:
    try:
        return any(not _contradicts(branch) for branch in _branches(tree, holds=holds))
    except _TooManyError:
        return True


def _branches(node: Node, *, holds: bool) -> list[_Branch]:
    """The alternatives under which the node holds, or does not."""
    if isinstance(node, Unary) and node.operator == "!":
        return _branches(node.operand, holds=not holds)
    if isinstance(node, parser.Ternary):
        yes = _both(_branches(node.condition, holds=True), _branches(node.then, holds=holds))
        no = _both(_branches(node.condition, holds=False), _branches(node.otherwise, holds=holds))
        return _limited([*yes, *no])
    if isinstance(node, Binary) and node.operator in {"&&", "||"}:
        left, right = _branches(node.left, holds=holds), _branches(node.right, holds=holds)
        together = (node.operator == "&&") is holds
        return _both(left, right) if together else _limited([*left, *right])
    if isinstance(node, Binary) and node.operator == "!=":
        same = Binary(position=node.position, operator="==", left=node.left, right=node.right)
        return [(_Atom(same, not holds),)]
    return [(_Atom(node, holds),)]


def _both(left: list[_Branch], right: list[_Branch]) -> list[_Branch]:
    if len(left) * len(right) > MOST_BRANCHES:
        raise _TooManyError
    return [(*one, *other) for one in left for other in right]


def _limited(branches: list[_Branch]) -> list[_Branch]:
    if len(branches) > MOST_BRANCHES:
        raise _TooManyError
    return branches


def _contradicts(branch: _Branch) -> bool:
    """Whether these parts certainly do not hold together."""
    if any(_folded(atom.node) is (not atom.holds) for atom in branch):
        return True
    said: dict[Hashable, bool] = {}
    for atom in branch:
        if said.setdefault(key_of(atom.node), atom.holds) is not atom.holds:
            return True
    return _absent_but_read(branch) or any(not limits.possible() for limits in _limits(branch))


def _absent_but_read(branch: _Branch) -> bool:
    """`!has(x)` beside a comparison of `x`, which cannot be made then."""
    absent = [path for atom in branch if not atom.holds and (path := _asked_for(atom.node))]
    compared = [path for atom in branch for path in _compared(atom.node)]
    return any(path[: len(gone)] == gone for gone in absent for path in compared)


def _asked_for(node: Node) -> Path | None:
    if isinstance(node, parser.Call) and node.name == "has" and len(node.arguments) == 1:
        return path_of(node.arguments[0])
    return None


def _compared(node: Node) -> Iterator[Path]:
    if isinstance(node, Binary):
        for side in (node.left, node.right):
            path = path_of(side)
            if path:
                yield path


@dataclass(slots=True)
class _Limits:
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
        if any(_same(value, other) is True for other in self.not_among):
            return False
        number = _number(value)
        if number is not None and not all(_satisfies(number, *bound) for bound in bounds):
            return False
        text = value[1] if isinstance(value, tuple) and value[0] == "string" else None
        return text is None or all(
            _method(str(text), name, part) is wanted for name, part, wanted in self.texts
        )


def _limits(branch: _Branch) -> Iterator[_Limits]:
    found: dict[Hashable, _Limits] = {}
    for atom in branch:
        node = atom.node
        if isinstance(node, Binary):
            _limit(found, node, holds=atom.holds)
        elif (
            isinstance(node, parser.Call)
            and node.owner
            and node.name in _METHODS
            and len(node.arguments) == 1
        ):
            part = _literal(node.arguments[0])
            if isinstance(part, tuple) and part[0] == "string":
                found.setdefault(key_of(node.owner), _Limits()).texts.append(
                    (node.name, str(part[1]), atom.holds)
                )
    yield from found.values()


def _limit(found: dict[Hashable, _Limits], node: Binary, *, holds: bool) -> None:
    """Take what a comparison with literals says of its other side."""
    subject, operator, literals = _comparison(node)
    if subject is None:
        return
    limits = found.setdefault(key_of(subject), _Limits())
    if isinstance(subject, parser.Call) and subject.name == "size" and ("<", 0.0) not in limits.bounds:
        limits.bounds.append((">=", 0.0))
    if operator in {"==", "in"}:
        if holds:
            limits.among.append(literals)
        else:
            limits.not_among.extend(literals)
        return
    number = _number(literals[0])
    if number is not None:
        (limits.bounds if holds else limits.not_bounds).append((operator, number))


def _comparison(node: Binary) -> tuple[Node | None, str, tuple[Hashable, ...]]:
    """The side that is no literal, the operator as seen from it, and the literals."""
    left, right = _literal(node.left), _literal(node.right)
    if node.operator == "in" and left is None and isinstance(node.right, parser.ListOf):
        values = [_literal(item) for item in node.right.items]
        if all(value is not None for value in values):
            return node.left, "in", tuple(values)
    elif node.operator in {"==", *_FLIPPED} and (left is None) != (right is None):
        if left is None and right is not None:
            return node.left, node.operator, (right,)
        if left is not None:
            return node.right, _FLIPPED.get(node.operator, node.operator), (left,)
    return None, "", ()


def _literal(node: Node) -> Hashable | None:
    """Kind and value of a literal, also of a negative number."""
    if isinstance(node, parser.Literal):
        return (node.kind, node.value)
    if isinstance(node, Unary) and node.operator == "-" and isinstance(node.operand, parser.Literal):
        value = node.operand.value
        if isinstance(value, int | float):
            return (node.operand.kind, -value)
    return None


def _number(value: Hashable) -> float | None:
    if isinstance(value, tuple) and value[0] in {"int", "uint", "double"}:
        return float(value[1]) if abs(value[1]) < _EXACT else None
    return None


def _same(one: Hashable, other: Hashable) -> bool | None:
    """Whether two literals are equal; None where the engine's rounding might decide."""
    if one == other:
        return True
    kinds = {item[0] for item in (one, other) if isinstance(item, tuple)}
    if kinds <= {"int", "uint", "double"} and len(kinds) > 1:
        left, right = _number(one), _number(other)
        return None if left is None or right is None else left == right
    return False


def _is_among(value: Hashable, values: tuple[Hashable, ...]) -> bool:
    return any(_same(value, other) is not False for other in values)


def _interval(bounds: list[tuple[str, float]]) -> bool:
    """Whether a number may keep all these bounds."""
    low = max((limit for operator, limit in bounds if operator[0] == ">"), default=None)
    high = min((limit for operator, limit in bounds if operator[0] == "<"), default=None)
    if low is None or high is None or low < high:
        return True
    return low == high and all(_satisfies(low, *bound) for bound in bounds)


def _satisfies(value: float, operator: str, limit: float) -> bool:
    if operator[0] == ">":
        return value > limit or (operator == ">=" and value == limit)
    return value < limit or (operator == "<=" and value == limit)


_METHODS = frozenset({"startsWith", "endsWith", "contains"})


def _method(text: str, name: str, part: str) -> bool:
    if name == "startsWith":
        return text.startswith(part)
    return text.endswith(part) if name == "endsWith" else part in text


def _folded(node: Node) -> bool | None:
    """The value of a part that literals alone decide; None where facts do."""
    if isinstance(node, parser.Literal):
        return node.value if isinstance(node.value, bool) else None
    if isinstance(node, parser.Macro):
        return _folded_macro(node)
    if isinstance(node, Binary):
        return _folded_membership(node) if node.operator == "in" else _folded_comparison(node)
    return None


def _folded_membership(node: Binary) -> bool | None:
    if not isinstance(node.right, parser.ListOf):
        return None
    if not node.right.items:
        return False
    left, values = _literal(node.left), [_literal(item) for item in node.right.items]
    if left is None:
        return None
    same = [None if value is None else _same(left, value) for value in values]
    if True in same:
        return True
    return None if None in same else False


def _folded_comparison(node: Binary) -> bool | None:
    left, right = _literal(node.left), _literal(node.right)
    if left is None or right is None:
        return None
    if node.operator == "==":
        return _same(left, right)
    one, other = _number(left), _number(right)
    if one is None or other is None or node.operator not in _FLIPPED:
        return None
    return _satisfies(one, node.operator, other)


def _folded_macro(node: parser.Macro) -> bool | None:
    """`exists` over nothing, or of what nothing is, does not hold; `all` over nothing does."""
    empty = isinstance(node.owner, parser.ListOf) and not node.owner.items
    if node.name in {"exists", "exists_one"}:
        return False if empty or never_holds(node.bodies[0]) else None
    return True if empty and node.name == "all" else None
