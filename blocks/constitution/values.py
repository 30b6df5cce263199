"""Facts as the engine and the hub's own functions see them: JSON values, or an error.

A fact must look the same when it is decided and when it is read back from the audit log. So a number
without a fraction is an int, and what JSON cannot carry is what `plain` makes of it.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from blocks.constitution.lexer import ConditionError
from blocks.constitution.types import BOOL, DOUBLE, INT, STRING, TIMESTAMP, Type
from blocks.constitution.withheld import Withheld
from blocks.plain import DEEPEST, plain

MISSING = object()
HIDDEN = Withheld("", 0)
"""What lies below a withheld fact: nobody can say whether it is there."""
_EXACT = 2**53 - 1
_WRITTEN_OUT = 1e21
"""Below this, canonical JSON writes a whole number without an exponent, so it is read back as an int."""


def fact(path: tuple[str, ...], facts: Any) -> Any:
    """The fact at the path, or MISSING; HIDDEN below a withheld one."""
    for name in path:
        if type(facts) is dict:
            facts = facts.get(name, MISSING)
        elif isinstance(facts, Mapping):
            facts = facts[name] if name in facts else MISSING  # noqa: SIM401  # `get` may be another's
        else:
            facts = _field(facts, name)
        if facts is MISSING:
            return MISSING
    return facts


def _field(owner: Any, name: str) -> Any:
    """A field of a value that is no mapping, such as a pydantic model among the arguments."""
    if isinstance(owner, Withheld):
        return HIDDEN
    if isinstance(owner, BaseModel) or (dataclasses.is_dataclass(owner) and not isinstance(owner, type)):
        shown = plain(owner)
        return shown.get(name, MISSING) if isinstance(shown, dict) else MISSING
    return MISSING


def judged(value: Any, depth: int = 0, *, opened: bool = False) -> Any:
    """The value as JSON; `opened` shows the text of bytes. What cannot be shown whole is an error."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return plain(value)
    if kind is int:
        return value if -_EXACT <= value <= _EXACT else str(value)
    if kind is float:
        whole = math.isfinite(value) and value.is_integer() and abs(value) < _WRITTEN_OUT
        return judged(int(value)) if whole else plain(value)
    if isinstance(value, Withheld):
        raise ConditionError("is withheld")
    if depth > DEEPEST:
        raise ConditionError(f"is nested deeper than {DEEPEST} levels")
    return _container(value, depth + 1, opened)


def _container(value: Any, depth: int, opened: bool) -> Any:  # noqa: FBT001  # private, one caller
    if isinstance(value, Mapping):
        shown = {plain(str(key)): judged(inner, depth, opened=opened) for key, inner in value.items()}
        if len(shown) != len(value):
            raise ConditionError("has two keys that are written alike")
        return shown
    if isinstance(value, list | tuple):
        return [judged(inner, depth, opened=opened) for inner in value]
    if isinstance(value, AbstractSet):
        return sorted((judged(inner, depth, opened=opened) for inner in value), key=repr)
    fields = _fields(value)
    if fields is not None:
        return judged(fields, depth, opened=opened)
    if opened and isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    shown = plain(value)
    return shown if isinstance(shown, str) else judged(shown, depth, opened=opened)


def _fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, BaseModel):
        known = {name: getattr(value, name) for name in type(value).model_fields}
        return {**known, **(value.model_extra or {})}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def checked(value: Any, kind: Type) -> Any:
    """The fact as a JSON value of its stage's type, or a `ConditionError` that ends its name's sentence."""
    check = _CHECKS.get(kind)
    if check is not None:
        return check(value)
    shown = judged(value)
    if kind.name == "list":
        return _items(shown, kind, value)
    if kind.name == "map" or kind.is_record:
        if not isinstance(shown, dict):
            raise _wrong(value, "map")
        inner = kind.inner[1] if kind.inner else None
        return {name: checked(one, inner) for name, one in shown.items()} if inner in _CHECKED else shown
    return shown


def _items(shown: Any, kind: Type, value: Any) -> Any:
    if not isinstance(shown, list) or isinstance(value, Mapping):
        raise _wrong(value, "list")
    return [checked(item, kind.inner[0]) for item in shown] if kind.inner[0] in _CHECKED else shown


def _wrong(value: Any, wanted: str) -> ConditionError:
    if isinstance(value, Withheld):
        return ConditionError("is withheld")
    return ConditionError(f"is a {type(value).__name__}, not a {wanted}")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "str")
    return str(plain(value))


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, "bool")
    return value


def _int(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():  # as JSON would read it back
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(value, "int")
    if abs(value) > _EXACT:
        raise ConditionError(f"is larger than {_EXACT}")
    return int(value)


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, "float")
    if abs(value) > 1e300 or not math.isfinite(value):  # also NaN, and ints that no float holds
        raise ConditionError("is no finite number")
    return float(value)


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ConditionError("is no timestamp of ISO 8601") from None
    if not isinstance(value, datetime):
        raise _wrong(value, "datetime")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


_CHECKS: Mapping[Type, Callable[[Any], Any]] = {
    STRING: _string,
    BOOL: _bool,
    INT: _int,
    DOUBLE: _double,
    TIMESTAMP: _timestamp,
}
_CHECKED = frozenset(
    {*_CHECKS, Type("list", (STRING,)), Type("map", (STRING, DOUBLE)), Type("map", (STRING, STRING))}
)
