"""Conditions over flat variables, one for each fact they read.

Handing a nested map to the engine copies all of it, which costs more than the evaluation. So every path of
facts (`tool.arguments.limit`) becomes one flat variable in the text that the engine compiles, and
`has(path)` becomes a bool: an argument of a megabyte that no article speaks about costs nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import singledispatchmethod

from blocks.constitution import parser
from blocks.constitution.fact_paths import Fact, Path, kind_at, path_of, variable, written_path
from blocks.constitution.functions import ENGINE_NAMES
from blocks.constitution.inquiry import Question, name_of
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import Node
from blocks.constitution.questions import question_of
from blocks.constitution.types import STRING, Type

_CHAINS = frozenset({"&&", "||"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One path of facts, as the variables that stand for it."""

    fact: Fact
    value: str | None
    """The variable that holds the fact."""
    presence: str | None
    """The variable that holds whether there is such a fact."""
    items: str | None = None
    """The variable that holds what a macro goes through: the list, or the map's keys in order."""

    tests: tuple[tuple[str, frozenset[str]], ...] = ()
    """Variables that hold whether the fact, a text, is one of these."""

    def __str__(self) -> str:
        return written_path(self.fact.path)

    def names(self) -> set[str | None]:
        return {self.value, self.presence, self.items, *(name for name, _ in self.tests)}


class Flattener:
    """Writes an expression anew and collects what it reads and asks."""

    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._variables = variables
        self.values: dict[Path, None] = {}
        self.presences: set[Path] = set()
        self.items: set[Path] = set()
        self.tests: dict[Path, dict[str, frozenset[str]]] = {}
        self.questions: dict[str, Question] = {}

    def readings(self) -> tuple[Reading, ...]:
        return tuple(
            Reading(
                Fact(path, kind_at(path, self._variables)),
                variable(path) if path in self.values else None,
                f"{variable(path)}_has" if path in self.presences else None,
                f"{variable(path)}_items" if path in self.items else None,
                tuple(self.tests.get(path, {}).items()),
            )
            for path in dict.fromkeys([*self.values, *sorted(self.presences | self.items), *self.tests])
        )

    def write(self, node: Node, bound: frozenset[str] = frozenset()) -> str:
        """The expression over flat variables; names bound by macros stay."""
        path = path_of(node)
        if path is None or path[0] in bound:
            written: str = _WRITTEN(type(node))(self, node, bound)
            return written
        self.values[path] = None
        return variable(path)

    @singledispatchmethod
    def _written(self, node: Node, bound: frozenset[str]) -> str:
        raise ConditionError(f"{type(node).__name__} is not understood", node.position)

    @_written.register
    def _(self, node: parser.Literal, bound: frozenset[str]) -> str:
        return node.text

    @_written.register
    def _(self, node: parser.Name, bound: frozenset[str]) -> str:
        return node.name

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
        test = self._test(node, bound)
        if test:
            return test
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
        bodies = self._listed(node.bodies, bound | {node.variable})
        return f"{self._gone_through(node.owner, bound)}.{node.name}({node.variable}, {bodies})"

    @_written.register
    def _(self, node: parser.Call, bound: frozenset[str]) -> str:
        if node.name == "has":
            return self._presence(node.arguments[0], bound)
        question = question_of(node, bound, lambda path: kind_at(path, self._variables))
        if question:
            self.questions[question.name] = question
            return f"{question.name}()"
        owner = f"{self._enclosed(node.owner, bound)}." if node.owner else ""
        name = ENGINE_NAMES.get(node.name, node.name)
        return f"{owner}{name}({self._listed(node.arguments, bound)})"

    def _test(self, node: parser.Binary, bound: frozenset[str]) -> str | None:
        """A text compared with texts that are written out; a bool costs the engine a tenth of a text."""
        path = path_of(node.left)
        words = _words(node)
        if path is None or path[0] in bound or words is None or kind_at(path, self._variables) != STRING:
            return None
        name = f"{variable(path)}_is_{name_of(repr(sorted(words)))}"
        self.tests.setdefault(path, {})[name] = words
        return f"(!{name})" if node.operator == "!=" else name

    def _gone_through(self, owner: Node, bound: frozenset[str]) -> str:
        """What a macro goes through; the engine would take the keys of a map in no particular order."""
        path = path_of(owner)
        if path is None or path[0] in bound:
            return f"items_of({self.write(owner, bound)})"
        if kind_at(path, self._variables).name == "list":
            return self.write(owner, bound)
        self.items.add(path)
        return f"{variable(path)}_items"

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


_WRITTEN = vars(Flattener)["_written"].dispatcher.dispatch
"""`singledispatchmethod` itself makes a new function for every call, which is most of what it takes."""


def _words(node: parser.Binary) -> frozenset[str] | None:
    """The texts that a comparison names, if it compares with nothing else."""
    if node.operator == "in":
        items = node.right.items if isinstance(node.right, parser.ListOf) else ()
    else:
        items = (node.right,) if node.operator in {"==", "!="} else ()
    found = [item.value for item in items if isinstance(item, parser.Literal) and item.kind == "string"]
    return frozenset(map(str, found)) if items and len(found) == len(items) else None


def _compound(node: Node) -> bool:
    return isinstance(node, parser.Binary | parser.Unary | parser.Ternary)


def merged(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Every path once."""
    found: dict[Fact, Reading] = {}
    for reading in readings:
        known = found.get(reading.fact, reading)
        found[reading.fact] = Reading(
            reading.fact,
            known.value or reading.value,
            known.presence or reading.presence,
            known.items or reading.items,
            tuple(dict([*known.tests, *reading.tests]).items()),
        )
    return tuple(found.values())
