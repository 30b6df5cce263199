"""The functions a condition may call: their types, and the hub's own ones beside the engine's."""

import os.path
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.constitution.detectors.secrets import has_secret
from blocks.constitution.globs import like
from blocks.constitution.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
)

PATH_WORDS = frozenset(
    {"root", "path", "paths", "folder", "folders", "file", "files", "directory", "directories"}
    | {"workspace", "target", "destination"}
)
"""An argument of one of these names, or ending in `_` and one of them, is a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way to call a function; `owner` set means the method form `owner.name(...)`."""

    owner: Type | None = None
    arguments: tuple[Type, ...] = ()
    result: Type = field(default=BOOL)


def outside(value: object, folder: str) -> bool:
    """Whether an argument named like a path leads out of the folder."""
    return any(_escapes(path, folder) for path in _paths(value, named=isinstance(value, str)))


def _paths(value: object, *, named: bool) -> Iterator[str]:
    if isinstance(value, str):
        if named:
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(inner, named=str(key).rpartition("_")[2].lower() in PATH_WORDS)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _paths(inner, named=named)


def _escapes(path: str, folder: str) -> bool:
    if not folder or "\0" in path:
        return True
    root = os.path.normpath(folder)
    whole = os.path.normpath(os.path.join(root, os.path.expanduser(path)))  # noqa: PTH111, PTH118  # no disk
    return whole != root and not whole.startswith(root.rstrip("/") + "/")


def listed(text: str, patterns: list[str]) -> bool:
    """Whether the text fits one of the globs."""
    return any(like(text, pattern) for pattern in patterns)


OWN: Mapping[str, Callable[..., Any]] = {
    "outside": outside,
    "secretish": has_secret,
    "like": like,
    "listed": listed,
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
}
"""Functions that are handed to the engine beside its own."""

_TEXT = Signature(owner=STRING, arguments=(STRING,))
_CLOCK = Signature(owner=TIMESTAMP, result=INT)
_ANY_LIST = list_of(DYN)

SIGNATURES: Mapping[str, tuple[Signature, ...]] = {
    "outside": (Signature(arguments=(DYN, STRING)), Signature(owner=DYN, arguments=(STRING,))),
    "secretish": (Signature(arguments=(DYN,)), Signature(owner=DYN)),
    "like": (Signature(arguments=(STRING, STRING)), _TEXT),
    "listed": (
        Signature(arguments=(STRING, list_of(STRING))),
        Signature(owner=STRING, arguments=(list_of(STRING),)),
    ),
    **{name: (Signature(owner=STRING, result=STRING),) for name in ("lower", "upper", "trim")},
    **dict.fromkeys(("startsWith", "endsWith", "contains", "matches"), (_TEXT,)),
    **dict.fromkeys(
        ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"), (_CLOCK,)
    ),
    **dict.fromkeys(("getHours", "getMinutes", "getSeconds", "getMilliseconds"), (_CLOCK,)),
    "int": tuple(Signature(arguments=(kind,), result=INT) for kind in (INT, UINT, DOUBLE, STRING, TIMESTAMP)),
    "uint": tuple(Signature(arguments=(kind,), result=UINT) for kind in (INT, UINT, DOUBLE, STRING)),
    "double": tuple(Signature(arguments=(kind,), result=DOUBLE) for kind in (INT, UINT, DOUBLE, STRING)),
    "string": tuple(
        Signature(arguments=(kind,), result=STRING)
        for kind in (INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)
    ),
    "bytes": (Signature(arguments=(STRING,), result=BYTES),),
    "timestamp": (Signature(arguments=(STRING,), result=TIMESTAMP),),
    "duration": (Signature(arguments=(STRING,), result=DURATION),),
    "dyn": (Signature(arguments=(DYN,), result=DYN),),
}
