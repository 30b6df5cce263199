"""What any value is made of, walked without copying it and within bounds."""

import dataclasses
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final, NamedTuple
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


_END: Final = (object(), None)
_USUAL = frozenset({str, int, float, bool, type(None)})


class Unreadable:
    """Stands for a part of a value that could not be looked into."""


UNREADABLE: Final = Unreadable()


class Leaf(NamedTuple):
    """One value that holds no others, or one key that is data rather than a name."""

    path: str
    """Dotted; positions in lists are numbers."""
    value: Any
    """A string, a number, a bool, None, or `UNREADABLE`."""


def leaves(value: Any, most: int, path: str = "") -> Iterator[Leaf]:
    """The leaves in their order, with `UNREADABLE` in the place of what is too deep or too much.

    After `most` steps the lists and maps that were not walked to their ends are `UNREADABLE` ones.
    """
    opened = [(path, _parts(value))]
    if opened[0][1] is None:
        yield Leaf(path, _scalar(value))
        return
    steps = 0
    while opened:
        owner, parts = opened[-1]
        key, found = next(parts, _END)  # type: ignore[arg-type]  # what is opened has parts
        if key is _END[0]:
            opened.pop()
            continue
        steps += 1
        if steps > most:
            yield from (Leaf(unfinished, UNREADABLE) for unfinished, _ in opened)
            return
        place = f"{owner}.{key}" if owner else str(key)
        if type(key) is not int and _is_data(str(key)):
            yield Leaf(place, str(key))
        inner = None if type(found) in _USUAL or len(opened) >= DEEPEST else _parts(found)
        if inner is None:
            yield Leaf(place, _scalar(found))
        else:
            opened.append((place, inner))


def is_free_text(leaf: Leaf) -> bool:
    """Whether a string is prose, or stands where prose stands, rather than a field of a record."""
    text = leaf.value
    if len(text) > LONGEST_FIELD or "\n" in text or text.count(" ") >= MOST_WORDS_OF_A_FIELD:
        return True
    return _name(leaf.path) in FREE_TEXT_NAMES


def _name(path: str) -> str:
    """The last part of a path that is no position in a list."""
    return next((part.lower() for part in reversed(path.split(".")) if not part.isdigit()), "")


@lru_cache(maxsize=4096)
def _is_data(key: str) -> bool:
    """Whether a key is data: an address, a number, an id or words, and no name that a programmer gave."""
    return not key.replace("-", "_").isidentifier() or sum(map(str.isdigit, key)) >= DIGITS_OF_AN_ID


def _parts(value: Any) -> Iterator[tuple[Any, Any]] | None:
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
    if type(value) in _USUAL:
        return value
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
