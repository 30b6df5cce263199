"""Whether a condition can hold at all, and whether it always does, as far as that is certain.

The condition is written as alternatives of facts that must hold together; it can never hold when each
alternative contradicts itself. What is not understood is taken to be possible.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from blocks.constitution import parser
from blocks.constitution.fact_paths import Path, path_of
from blocks.constitution.limits import limits_of
from blocks.constitution.literals import FLIPPED, key_of, literal_of, number_of, same, satisfies
from blocks.constitution.parser import Binary, Node, Unary

MOST_BRANCHES = 64
MOST_ATOMS = 1000
"""In all alternatives together; what is larger is taken to be possible."""


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
        equality = Binary(position=node.position, operator="==", left=node.left, right=node.right)
        return [(_Atom(equality, not holds),)]
    return [(_Atom(node, holds),)]


def _both(left: list[_Branch], right: list[_Branch]) -> list[_Branch]:
    if len(left) * len(right) > MOST_BRANCHES:
        raise _TooManyError
    return _limited([(*one, *other) for one in left for other in right])


def _limited(branches: list[_Branch]) -> list[_Branch]:
    if len(branches) > MOST_BRANCHES or sum(map(len, branches)) > MOST_ATOMS:
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
    return _absent_but_read(branch) or any(
        not limits.possible() for limits in limits_of((atom.node, atom.holds) for atom in branch)
    )


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
    left, values = literal_of(node.left), [literal_of(item) for item in node.right.items]
    if left is None:
        return None
    equal = [None if value is None else same(left, value) for value in values]
    if True in equal:
        return True
    return None if None in equal else False


def _folded_comparison(node: Binary) -> bool | None:
    left, right = literal_of(node.left), literal_of(node.right)
    if left is None or right is None:
        return None
    if node.operator == "==":
        return same(left, right)
    one, other = number_of(left), number_of(right)
    if one is None or other is None or node.operator not in FLIPPED:
        return None
    return satisfies(one, node.operator, other)


def _folded_macro(node: parser.Macro) -> bool | None:
    """`exists` over nothing, or of what nothing is, does not hold; `all` over nothing does."""
    empty = isinstance(node.owner, parser.ListOf) and not node.owner.items
    if node.name in {"exists", "exists_one"}:
        return False if empty or never_holds(node.bodies[0]) else None
    return True if empty and node.name == "all" else None
