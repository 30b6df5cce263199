"""A slow evaluator that says what a constitution must answer, from its document alone.

It shares the parser and the schema of stages with the hub, and neither the engine, nor the flat variables,
nor the index of articles. It walks the tree in plain Python and follows what docs/concepts/conditions.md
says: a part that cannot be evaluated raises, `&&` and `||` are answered by the part that decides, a macro
stops where it is decided, a restriction that cannot be evaluated denies.
"""

import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.constitution import parser
from blocks.constitution.functions import QUESTIONS
from blocks.constitution.parser import Node, parse
from blocks.constitution.stages import variables
from blocks.constitution.types import BOOL, DOUBLE, DYN, INT, NULL, STRING, TIMESTAMP, Type
from blocks.constitution.withheld import Withheld
from blocks.plain import plain

GONE = object()
ORDER = ["deny", "approve", "redact", "warn", "allow"]
LARGEST = 2**53 - 1


class Unreadable(Exception):
    """The part has no answer."""


def verdict_of(
    document: Mapping[str, Any], stage: str, action: str, facts: Mapping[str, Any]
) -> tuple[str, set[str]]:
    """The verdict, and the ids of the articles that determine it or go along."""
    found: dict[str, str] = {}
    for article in document["articles"]:
        if stage in article["stages"] and any(glob(action, text) for text in article.get("actions", ["*"])):
            verdict = article["verdict"]
            try:
                if "when" not in article or holds(article["when"], stage, facts):
                    found[article["id"]] = verdict
            except Unreadable:
                if verdict != "allow":
                    found[article["id"]] = "warn" if verdict == "warn" else "deny"
    if found:
        return min(found.values(), key=ORDER.index), set(found)
    return document["default"], set()


def holds(source: str, stage: str, facts: Mapping[str, Any]) -> bool:
    answer = Evaluation(variables(stage), facts).of(parse(source), {})
    return _bool(answer)


def glob(text: str, pattern: str) -> bool:
    """`*`, `?` and `[...]` by trying every way."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(text[start:], pattern[1:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and glob(text[1:], pattern[1:])


class Evaluation:
    """Walks one expression."""

    def __init__(self, schema: Mapping[str, Type], facts: Mapping[str, Any]) -> None:
        self.schema = schema
        self.facts = facts

    def of(self, node: Node, bound: Mapping[str, Any]) -> Any:
        path = self._path(node, bound)
        if path is not None:
            return self._fact(path)
        return getattr(self, f"_{type(node).__name__.lower()}")(node, bound)

    def _path(self, node: Node, bound: Mapping[str, Any]) -> list[str] | None:
        match node:
            case parser.Name():
                return None if node.name in bound else [node.name]
            case parser.Member():
                owner = self._path(node.owner, bound)
                return None if owner is None else [*owner, node.name]
            case parser.Index(key=parser.Literal(kind="string", value=value)):
                owner = self._path(node.owner, bound)
                return None if owner is None else [*owner, str(value)]
        return None

    def _raw(self, path: list[str]) -> Any:
        value: Any = self.facts
        for name in path:
            if isinstance(value, Withheld):
                raise Unreadable
            if is_dataclass(value):
                value = vars(value)
            if not isinstance(value, Mapping) or name not in value:
                return GONE
            value = value[name]
        return value

    def _fact(self, path: list[str]) -> Any:
        value = self._raw(path)
        if value is GONE:
            raise Unreadable
        kind: Type = Type("all", fields=tuple(self.schema.items()))
        for name in path:
            kind = (
                dict(kind.fields).get(name, DYN)
                if kind.is_record
                else (kind.inner[1] if kind.name == "map" else DYN)
            )
        return typed(value, kind)

    def _literal(self, node: parser.Literal, bound: Mapping[str, Any]) -> Any:
        return str(node.value).encode() if node.kind == "bytes" else node.value

    def _name(self, node: parser.Name, bound: Mapping[str, Any]) -> Any:
        return bound[node.name]

    def _member(self, node: parser.Member, bound: Mapping[str, Any]) -> Any:
        return _entry(self.of(node.owner, bound), node.name)

    def _index(self, node: parser.Index, bound: Mapping[str, Any]) -> Any:
        owner, key = self.of(node.owner, bound), self.of(node.key, bound)
        if isinstance(owner, list):
            if type(key) is not int or not 0 <= key < len(owner):
                raise Unreadable
            return owner[key]
        return _entry(owner, key)

    def _unary(self, node: parser.Unary, bound: Mapping[str, Any]) -> Any:
        value = self.of(node.operand, bound)
        if node.operator == "!":
            return not _bool(value)
        if type(value) not in {int, float}:
            raise Unreadable
        return _in_range(-value)

    def _ternary(self, node: parser.Ternary, bound: Mapping[str, Any]) -> Any:
        return self.of(node.then if _bool(self.of(node.condition, bound)) else node.otherwise, bound)

    def _listof(self, node: parser.ListOf, bound: Mapping[str, Any]) -> list[Any]:
        return [self.of(item, bound) for item in node.items]

    def _mapof(self, node: parser.MapOf, bound: Mapping[str, Any]) -> dict[Any, Any]:
        return {self.of(key, bound): self.of(value, bound) for key, value in node.items}

    def _macro(self, node: parser.Macro, bound: Mapping[str, Any]) -> Any:
        owner = self.of(node.owner, bound)
        if not isinstance(owner, list | dict):
            raise Unreadable
        items = sorted(owner) if isinstance(owner, dict) else owner
        kept = []
        for item in items:
            inner = {**bound, node.variable: item}
            if node.name == "map" and len(node.bodies) == 1:
                kept.append(self.of(node.bodies[0], inner))
                continue
            held = _bool(self.of(node.bodies[0], inner))
            if (node.name, held) in {("all", False), ("exists", True)}:
                return held
            if held:
                kept.append(self.of(node.bodies[1], inner) if node.name == "map" else item)
        return {"all": True, "exists": False, "exists_one": len(kept) == 1}.get(node.name, kept)

    def _binary(self, node: parser.Binary, bound: Mapping[str, Any]) -> Any:
        if node.operator in {"&&", "||"}:
            return self._logic(node, bound, decides=node.operator == "||")
        left, right = self.of(node.left, bound), self.of(node.right, bound)
        if node.operator in {"==", "!="}:
            return equal(left, right) is (node.operator == "==")
        if node.operator == "in":
            return contains(right, left)
        if node.operator in {"<", "<=", ">", ">="}:
            return ordered(node.operator, left, right)
        return arithmetic(node.operator, left, right)

    def _logic(self, node: parser.Binary, bound: Mapping[str, Any], *, decides: bool) -> bool:
        unread = False
        for part in (node.left, node.right):
            try:
                if _bool(self.of(part, bound)) is decides:
                    return decides
            except Unreadable:
                unread = True
        if unread:
            raise Unreadable
        return not decides

    def _call(self, node: parser.Call, bound: Mapping[str, Any]) -> Any:
        if node.name == "has":
            return self._has(node.arguments[0], bound)
        if isinstance(node.owner, parser.Name) and node.owner.name == "history":
            return self._history(node)
        values = [
            self.of(part, bound) for part in ([node.owner] if node.owner else []) + list(node.arguments)
        ]
        return self._function(node.name, values)

    def _has(self, field: Any, bound: Mapping[str, Any]) -> bool:
        path = self._path(field, bound)
        if path is not None:
            return self._raw(path) is not GONE
        owner = self.of(field.owner, bound)
        return field.name in _need(owner, isinstance(owner, dict))

    def _history(self, node: parser.Call) -> Any:
        texts = [item.value for item in node.arguments if isinstance(item, parser.Literal)]
        past = self.facts.get("history") or []
        through = [item for item in past if item.get("verdict", "allow") in {"allow", "warn", "redact"}]
        if node.name == "saw":
            if any(texts[0] in item.get("labels", []) for item in through):
                return True
            seen = self._raw(["data", "seen"])
            return seen is not GONE and texts[0] in typed(seen, Type("list", (STRING,)))
        chosen = [item for item in past if item not in through] if node.name == "refused" else through
        fitting = [item for item in chosen if item["stage"] == texts[0] and glob(item["action"], texts[1])]
        if node.name == "count_within":
            moment(self.facts.get("time", datetime.now(UTC)))
            seconds = {"90s": 90, "1h": 3600}[node.arguments[2].arguments[0].value]
            fitting = [item for item in fitting if item.get("ago_seconds", 0) <= seconds]
        return len(fitting)

    @staticmethod
    def _function(name: str, values: list[Any]) -> Any:
        if name in _ON_TEXT:
            return _ON_TEXT[name](*[_need(value, isinstance(value, str)) for value in values])
        if name == "size":
            return len(_need(values[0], isinstance(values[0], str | list | dict | bytes)))
        if name == "listed":
            return _listed(*values)
        return values[0] if name == "dyn" else QUESTIONS[name](*values)


def _listed(text: Any, globs: Any) -> bool:
    _need(text, isinstance(text, str) and isinstance(globs, list))
    return any(glob(text, _need(one, isinstance(one, str))) for one in globs)


_ON_TEXT = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda text, other: other in text,
    "like": glob,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "timestamp": datetime.fromisoformat,
    "duration": lambda text: timedelta(seconds={"90s": 90, "1h": 3600}[text]),
}


def typed(value: Any, kind: Type) -> Any:
    """The fact as its stage declares it."""
    if kind == TIMESTAMP:
        return moment(value)
    shown = json_like(value)
    return shaped(shown, kind if kind != STRING or isinstance(value, str) else NULL)


def shaped(shown: Any, kind: Type) -> Any:
    if kind.name == "list":
        return [shaped(item, kind.inner[0]) for item in _need(shown, isinstance(shown, list))]
    if kind.name == "map":
        _need(shown, isinstance(shown, dict))
        return {key: shaped(item, kind.inner[1]) for key, item in shown.items()}
    if kind.is_record:
        return _need(shown, isinstance(shown, dict))
    if kind == DOUBLE:
        return float(_need(shown, type(shown) in {int, float}))
    wanted = {BOOL: bool, STRING: str, INT: int, NULL: Unreadable}.get(kind)
    return _need(shown, wanted is None or type(shown) is wanted)


def moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Unreadable from None
    _need(value, isinstance(value, datetime))
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def json_like(value: Any) -> Any:
    """What JSON would carry of the value, and what it would read back."""
    if isinstance(value, Withheld):
        raise Unreadable
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return json_like(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= LARGEST else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {json_like(str(key)): json_like(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_like(item) for item in value]
    return plain(value)


def equal(one: Any, other: Any) -> bool:
    numbers = {int, float}
    if type(one) in numbers and type(other) in numbers:
        return one == other if type(one) is type(other) else float(one) == float(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def contains(whole: Any, item: Any) -> bool:
    if isinstance(whole, dict):
        return _need(item, type(item) in {str, int, bool}) in whole and isinstance(item, str)
    return any(equal(item, one) for one in _need(whole, isinstance(whole, list)))


def ordered(operator: str, one: Any, other: Any) -> bool:
    kinds = {type(one), type(other)}
    if one != one or other != other:  # noqa: PLR0124  # NaN
        raise Unreadable
    if kinds == {int, float}:
        one, other = float(one), float(other)
    elif len(kinds) > 1 or not kinds <= {int, float, str, bytes, bool, datetime, timedelta}:
        raise Unreadable
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator])


def arithmetic(operator: str, one: Any, other: Any) -> Any:
    kinds = (type(one), type(other))
    if operator == "+" and kinds[0] is kinds[1] and kinds[0] in {str, list, bytes, timedelta}:
        return one + other
    if datetime in kinds or timedelta in kinds:
        try:
            return one + other if operator == "+" else one - other
        except (TypeError, OverflowError):
            raise Unreadable from None
    if kinds[0] is not kinds[1] or kinds[0] not in {int, float}:
        raise Unreadable
    if kinds[0] is float:
        return _double(operator, one, other)
    if operator in {"/", "%"}:
        if not other:
            raise Unreadable
        quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
        return _in_range(quotient if operator == "/" else one - other * quotient)
    return _in_range({"+": one + other, "-": one - other, "*": one * other}[operator])


def _double(operator: str, one: float, other: float) -> float:
    if operator == "%":
        raise Unreadable
    if operator == "/":
        if not other:
            return float("nan") if not one else float("inf") * (1 if one > 0 else -1)
        return one / other
    return {"+": one + other, "-": one - other, "*": one * other}[operator]


def _in_range(value: Any) -> Any:
    return _need(value, isinstance(value, float) or -(2**63) <= value < 2**63)


def _entry(owner: Any, key: Any) -> Any:
    if not isinstance(owner, dict) or not isinstance(key, str) or key not in owner:
        raise Unreadable
    return owner[key]


def _bool(value: Any) -> bool:
    return bool(_need(value, isinstance(value, bool)))


def _need(value: Any, condition: bool) -> Any:
    if not condition:
        raise Unreadable
    return value
