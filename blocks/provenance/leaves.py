"""What any value is made of, walked without copying it and within bounds."""

import dataclasses
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import islice
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

DEEPEST = 32
FREE_TEXT_NAMES = frozenset(
    {"abstract", "answer", "body", "caption", "comment", "comments", "content", "contents", "description"}
    | {"details", "excerpt", "html", "markdown", "memo", "message", "note", "notes", "reason", "remark"}
    | {"review", "snippet", "subject", "summary", "text", "title", "transcript"}
)
"""What stands under one of these names is written by people for people, however short it is."""
DIGITS_OF_AN_ID = 4
LONGEST_FIELD = 128
MOST_WORDS_OF_A_FIELD = 8


_USUAL = frozenset({str, int, float, bool, type(None)})


class Unreadable:
    """Stands for a part of a value that could not be looked into."""


UNREADABLE: Final = Unreadable()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that holds no others, or one key that is data rather than a name."""

    path: str
    """Dotted; positions in lists are numbers."""
    value: Any
    """A string, a number, a bool, None, or `UNREADABLE`."""


def leaves(value: Any, most: int) -> Iterator[Leaf]:
    """The leaves in their order, with `UNREADABLE` in the place of what was too deep or too much."""
    steps = 0
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        path, found, depth = waiting.pop()
        steps += 1
        if type(found) in _USUAL:
            yield Leaf(path, found)
            continue
        inner = _inside(found) if depth < DEEPEST else None
        if inner is None:
            yield Leaf(path, _scalar(found))
            continue
        room = most - steps - len(waiting)
        parts = list(islice(inner, max(0, room) + 1))
        if len(parts) > room:
            parts = parts[: max(0, room)]
            yield Leaf(path, UNREADABLE)
        if isinstance(found, Mapping):
            yield from (Leaf(_joined(path, key), str(key)) for key, _ in parts if _is_data(str(key)))
        waiting.extend((_joined(path, key), part, depth + 1) for key, part in reversed(parts))


def is_free_text(leaf: Leaf) -> bool:
    """Whether a string is prose, or stands where prose stands, rather than a field of a record."""
    text = leaf.value
    if len(text) > LONGEST_FIELD or "\n" in text or text.count(" ") >= MOST_WORDS_OF_A_FIELD:
        return True
    return _name(leaf.path) in FREE_TEXT_NAMES


def _name(path: str) -> str:
    """The last part of a path that is no position in a list."""
    return next((part.lower() for part in reversed(path.split(".")) if not part.isdigit()), "")


def _joined(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _is_data(key: str) -> bool:
    """Whether a key is data: an address, a number, an id or words, and no name that a programmer gave."""
    return not key.replace("-", "_").isidentifier() or sum(map(str.isdigit, key)) >= DIGITS_OF_AN_ID


def _inside(value: Any) -> Iterator[tuple[Any, Any]] | None:
    """The parts of a container with their keys; None for what is no container."""
    if isinstance(value, Mapping):
        return iter(value.items())
    if isinstance(value, list | tuple):
        return enumerate(value)
    if isinstance(value, AbstractSet):
        return enumerate(sorted(value, key=repr))
    if isinstance(value, BaseModel):
        names = [*type(value).model_fields, *(value.model_extra or {})]
        return ((name, getattr(value, name)) for name in names)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    return None


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath | UUID):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return UNREADABLE
