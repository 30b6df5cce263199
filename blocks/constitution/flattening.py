"""Conditions over flat variables, one for each fact they read.

Handing a nested map to the engine copies all of it, which costs more than the evaluation. So every path of
facts (`tool.arguments.limit`) becomes one flat variable in the text that the engine compiles, and
`has(path)` becomes a bool: an argument of a megabyte that no article speaks about costs nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

from blocks.constitution import parser
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import Node
from blocks.constitution.types import DYN, PYTHON, Type
from blocks.plain import plain

Path = tuple[str, ...]
MISSING = object()
_CHAINS = frozenset({"&&", "||"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One path of facts, as the variables that stand for it."""

    path: Path
    kinds: tuple[type, ...]
    """What the fact may be; empty for free-form facts."""
    value: str | None
    """The variable that holds the fact."""
    presence: str | None
    """The variable that holds whether there is such a fact."""


class Flattener:
    """Writes an expression anew and collects what it reads."""

    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._root = Type("record", fields=tuple(variables.items()))
        self.values: dict[Path, tuple[type, ...]] = {}
        self.presences: set[Path] = set()

    def readings(self) -> tuple[Reading, ...]:
        return tuple(
            Reading(
                path,
                self.values.get(path, ()),
                variable(path) if path in self.values else None,
                f"{variable(path)}_has" if path in self.presences else None,
            )
            for path in dict.fromkeys([*self.values, *self.presences])
        )

    def write(self, node: Node, bound: frozenset[str] = frozenset()) -> str:
        """The expression over flat variables; names bound by macros stay."""
        path = path_of(node)
        if path is None:
            return self._written(node, bound)
        if path[0] in bound:
            return ".".join(path)
        self.values[path] = PYTHON.get(self._type(path), ())
        return variable(path)

    def _type(self, path: Path) -> Type:
        found = self._root
        for name in path:
            found = dict(found.fields).get(name, DYN)
        return found

    @singledispatchmethod
    def _written(self, node: Node, bound: frozenset[str]) -> str:
        raise ConditionError(f"{type(node).__name__} is not understood", node.position)

    @_written.register
    def _(self, node: parser.Literal, bound: frozenset[str]) -> str:
        return node.text

    @_written.register
    def _(self, node: parser.Member, bound: frozenset[str]) -> str:
        return f"{self.write(node.owner, bound)}.{node.name}"

    @_written.register
    def _(self, node: parser.Index, bound: frozenset[str]) -> str:
        return f"{self.write(node.owner, bound)}[{self.write(node.key, bound)}]"

    @_written.register
    def _(self, node: parser.Unary, bound: frozenset[str]) -> str:
        return f"{node.operator}({self.write(node.operand, bound)})"

    @_written.register
    def _(self, node: parser.Binary, bound: frozenset[str]) -> str:
        left = self.write(node.left, bound)
        right = self._enclosed(node.right, bound)
        chained = isinstance(node.left, parser.Binary) and node.left.operator == node.operator
        if not (chained and node.operator in _CHAINS):
            left = f"({left})" if _compound(node.left) else left
        return f"{left} {node.operator} {right}"

    @_written.register
    def _(self, node: parser.Ternary, bound: frozenset[str]) -> str:
        parts = [self._enclosed(part, bound) for part in (node.condition, node.then, node.otherwise)]
        return f"({parts[0]} ? {parts[1]} : {parts[2]})"

    @_written.register
    def _(self, node: parser.ListOf, bound: frozenset[str]) -> str:
        return f"[{self._listed(node.items, bound)}]"

    @_written.register
    def _(self, node: parser.MapOf, bound: frozenset[str]) -> str:
        pairs = (f"{self.write(key, bound)}: {self.write(value, bound)}" for key, value in node.items)
        return f"{{{', '.join(pairs)}}}"

    @_written.register
    def _(self, node: parser.Macro, bound: frozenset[str]) -> str:
        owner = self._enclosed(node.owner, bound)
        bodies = self._listed(node.bodies, bound | {node.variable})
        return f"{owner}.{node.name}({node.variable}, {bodies})"

    @_written.register
    def _(self, node: parser.Call, bound: frozenset[str]) -> str:
        if node.name == "has":
            return self._presence(node.arguments[0], bound)
        owner = f"{self._enclosed(node.owner, bound)}." if node.owner else ""
        return f"{owner}{node.name}({self._listed(node.arguments, bound)})"

    def _presence(self, field: Node, bound: frozenset[str]) -> str:
        path = path_of(field)
        if path is None or path[0] in bound:
            return f"has({self.write(field, bound)})"
        self.presences.add(path)
        return f"{variable(path)}_has"

    def _enclosed(self, node: Node, bound: frozenset[str]) -> str:
        written = self.write(node, bound)
        return f"({written})" if _compound(node) else written

    def _listed(self, nodes: Iterable[Node], bound: frozenset[str]) -> str:
        return ", ".join(self.write(node, bound) for node in nodes)


def _compound(node: Node) -> bool:
    return isinstance(node, parser.Binary | parser.Unary | parser.Ternary)


def path_of(node: Node) -> Path | None:
    """The path that a node names, if it is nothing but names and dots."""
    if isinstance(node, parser.Name):
        return (node.name,)
    if isinstance(node, parser.Member):
        owner = path_of(node.owner)
        return None if owner is None else (*owner, node.name)
    return None


def variable(path: Path) -> str:
    """The flat variable of a path; the lengths keep `a_b.c` and `a.b_c` apart."""
    return "_" + "_".join(f"{len(name)}{name}" for name in path)


def merged(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Every path once."""
    found: dict[Path, Reading] = {}
    for reading in readings:
        known = found.get(reading.path)
        found[reading.path] = reading if known is None else _both(known, reading)
    return tuple(found.values())


def _both(one: Reading, other: Reading) -> Reading:
    value = one if one.value else other
    return Reading(one.path, value.kinds, value.value, one.presence or other.presence)


def fact(path: Path, facts: Any) -> Any:
    """The fact at the path, or MISSING."""
    for name in path:
        try:
            facts = facts[name]
        except (KeyError, TypeError, IndexError):
            facts = _field(facts, name)
            if facts is MISSING:
                return MISSING
    return facts


def _field(owner: Any, name: str) -> Any:
    """A field of a value that is no mapping, such as a pydantic model among the arguments."""
    if owner is None or isinstance(owner, Mapping | str | list | tuple):
        return MISSING
    shown = plain(owner)
    return shown.get(name, MISSING) if isinstance(shown, dict) else MISSING


def checked(value: Any, reading: Reading) -> Any:
    """The fact as a plain value, or a `ConditionError` when it is not of the type its stage declares."""
    kinds = reading.kinds
    if not kinds:
        return plain(value)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        name = ".".join(reading.path)
        raise ConditionError(f"the fact {name} is a {type(value).__name__}, not a {kinds[0].__name__}")
    return plain(value) if isinstance(value, str) else value
