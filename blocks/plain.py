"""Any Python value as plain JSON values, for decisions, digests and the audit log."""

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

import rfc8785
from pydantic import BaseModel

DEEPEST = 32
_EXACT = 2**53 - 1
"""JSON's integers end here; larger ones are shown as text."""


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON would have it; what JSON does not know is shown by its type's name."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _clean(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_EXACT <= value <= _EXACT else str(value)
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if depth > DEEPEST:
        return f"<{kind.__qualname__}: nested too deep>"
    return _container(value, depth + 1)


def digest(value: Any) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of the value's plain form."""
    return hashlib.sha256(rfc8785.dumps(plain(value))).hexdigest()


def is_exact(value: Any, depth: int = 0) -> bool:
    """Whether `plain` shows all of the value, so that two values with one digest do the same.

    False for objects that are shown by their type's name, for fields that are not shown, for what is nested
    too deep and for keys that are no texts: nobody can agree to what nobody is shown.
    """
    kind = type(value)
    if kind is str:
        return bool(value.isascii() or _clean(value) == value)
    if value is None or kind is bool or kind is int or issubclass(kind, Enum | PurePath | date | datetime):
        return True
    if kind is float:
        return math.isfinite(value)
    return depth <= DEEPEST and _is_exact_container(value, depth + 1)


def _is_exact_container(value: Any, depth: int) -> bool:
    if isinstance(value, Mapping):
        return all(type(key) is str and is_exact(key) and is_exact(value[key], depth) for key in value)
    if isinstance(value, list | tuple | AbstractSet):
        return all(is_exact(inner, depth) for inner in value)
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        hidden = value.model_extra or value.__pydantic_private__
        return not hidden and all(is_exact(getattr(value, name), depth) for name in names)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = {field.name for field in dataclasses.fields(value)}
        more = set(getattr(value, "__dict__", ())) - shown
        return not more and all(is_exact(getattr(value, name), depth) for name in shown)
    return isinstance(value, bytes | bytearray | memoryview)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _container(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {_clean(str(key)): plain(inner, depth) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, depth) for inner in value]
    if isinstance(value, AbstractSet):
        return sorted((plain(inner, depth) for inner in value), key=repr)
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name), depth) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), depth) for field in dataclasses.fields(value)}
    return _scalar(value, depth)


def _scalar(value: Any, depth: int) -> Any:
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, str | PurePath):
        return _clean(str(value))
    if isinstance(value, int | float):
        return plain(float(value) if isinstance(value, float) else int(value), depth)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<bytes: {len(value)}, sha256 {hashlib.sha256(value).hexdigest()}>"
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
