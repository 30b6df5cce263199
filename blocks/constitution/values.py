"""Facts as the engine and the hub's own functions see them: JSON values, or an error.

A fact must look the same when it is decided and when it is read back from the audit log. So a number
without a fraction is an int, and what JSON cannot carry is what `plain` makes of it.
"""

import dataclasses
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from blocks.constitution.lexer import ConditionError
from blocks.constitution.types import BOOL, DOUBLE, DYN, INT, STRING, TIMESTAMP, Type
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
    """The value as the audit log would give it back; a withheld part is an error.

    Detectors see it `opened`: with the text of bytes, and what cannot be shown whole is an error too.
    """
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
    if depth > DEEPEST and opened:
        raise ConditionError(f"is nested deeper than {DEEPEST} levels")
    return plain(value, depth) if depth > DEEPEST else _container(value, depth + 1, opened)


def _container(value: Any, depth: int, opened: bool) -> Any:  # noqa: FBT001  # private, one caller
    if isinstance(value, Mapping):
        shown = {plain(str(key)): judged(inner, depth, opened=opened) for key, inner in value.items()}
        if opened and len(shown) != len(value):
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


def checked(value: Any, kind: Type, *, opened: bool = False) -> Any:
    """The fact as a JSON value of its stage's type, or a `ConditionError` that ends its name's sentence."""
    if kind is STRING and type(value) is str:
        return plain(value)
    if kind is TIMESTAMP:
        return _timestamp(value)
    if kind is STRING and not isinstance(value, str | bytes | Withheld):
        raise _wrong(value, "str")  # `judged` would show anything as a text
    return _shaped(judged(value, opened=opened), kind, value)


def _shaped(shown: Any, kind: Type, value: Any) -> Any:
    if kind.name == "list":
        if not isinstance(shown, list):
            raise _wrong(value, "list")
        item = kind.inner[0]
        return shown if item is DYN else [_shaped(one, item, one) for one in shown]
    if kind.name == "map" or kind.is_record:
        if not isinstance(shown, dict):
            raise _wrong(value, "map")
        item = kind.inner[1] if kind.inner else DYN
        return shown if item is DYN else {name: _shaped(one, item, one) for name, one in shown.items()}
    if kind is DOUBLE and type(shown) is int:
        return float(shown)
    wanted = _SCALARS.get(kind)
    if wanted and type(shown) is not wanted:
        raise _wrong(value, wanted.__name__)
    return shown


def _wrong(value: Any, wanted: str) -> ConditionError:
    return ConditionError(f"is a {type(value).__name__}, not a {wanted}")


def _timestamp(value: Any) -> datetime:
    if isinstance(value, Withheld):
        raise ConditionError("is withheld")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ConditionError("is no timestamp of ISO 8601") from None
    if not isinstance(value, datetime):
        raise _wrong(value, "datetime")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


_SCALARS: Mapping[Type, type] = {STRING: str, BOOL: bool, INT: int, DOUBLE: float}
