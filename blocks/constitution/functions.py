"""The functions a condition may call: their types, and the hub's own ones beside the engine's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

from blocks.constitution.detectors.injection import has_injection_signs
from blocks.constitution.detectors.paths import paths_outside
from blocks.constitution.detectors.personal import has_personal_data
from blocks.constitution.detectors.secrets import has_secret
from blocks.constitution.detectors.shelling import shells_out
from blocks.constitution.detectors.urls import urls_outside
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

NO_ANSWER = object()
"""Not a value that the engine takes: handing it over makes what asked for it fail, and prints nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way to call a function; `owner` set means the method form `owner.name(...)`."""

    owner: Type | None = None
    arguments: tuple[Type, ...] = ()
    result: Type = field(default=BOOL)


@lru_cache(maxsize=1024)
def regular_expression(pattern: str) -> Any:
    """The compiled pattern; RE2 answers in time linear in the text. Raises `re2.error`."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern (RE2) is found anywhere in the text."""
    return regular_expression(_text(pattern)).search(_text(text)) is not None


def fits_glob(text: str, glob: str) -> bool:
    """Whether the whole text fits the glob."""
    return like(_text(text), _text(glob))


def listed(text: str, globs: list[str]) -> bool:
    """Whether the text fits one of the globs."""
    wanted = _text(text)
    return any(like(wanted, _text(glob)) for glob in _list(globs))


def size(value: Any) -> int:
    """Characters of a text, items of a list, entries of a map."""
    if not isinstance(value, str | bytes | list | dict):
        raise TypeError(f"a {type(value).__name__} has no size")
    return len(value)


def items_of(value: Any) -> list[Any]:
    """What a macro goes through: the items of a list, or the keys of a map in order."""
    return sorted(value) if isinstance(value, dict) else _list(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} is no text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__} is no list")
    return value


QUESTIONS: Mapping[str, Callable[..., Any]] = {
    "has_secret": has_secret,
    "has_personal_data": has_personal_data,
    "has_injection_signs": has_injection_signs,
    "shells_out": shells_out,
    "urls_outside": lambda value, globs: urls_outside(value, [_text(glob) for glob in _list(globs)]),
    "paths_outside": lambda value, folder: paths_outside(value, _text(folder)),
    "like": fits_glob,
    "listed": listed,
    "matches": matches,
    "size": size,
}
"""Functions of the hub that answer with a bool or an int: what they answer is kept with the decision."""
DETECTORS = frozenset(
    {"has_secret", "has_personal_data", "has_injection_signs", "shells_out", "urls_outside", "paths_outside"}
)
_OWN: Mapping[str, Callable[..., Any]] = {
    **QUESTIONS,
    "lower": lambda text: _text(text).lower(),
    "upper": lambda text: _text(text).upper(),
    "trim": lambda text: _text(text).strip(),
}
ENGINE_NAMES: Mapping[str, str] = {"matches": "re2_matches", "size": "size_of"}
"""The engine has functions of these names too: its regular expressions are compiled at each call, and it
counts bytes where CEL counts characters."""


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception:  # noqa: BLE001  # the engine would print it; it has to fail all the same
            return NO_ANSWER

    return answer


OWN: Mapping[str, Callable[..., Any]] = {
    "items_of": _guarded(items_of),
    **{ENGINE_NAMES.get(name, name): _guarded(function) for name, function in _OWN.items()},
}
"""Functions that are handed to the engine beside its own."""

_TEXT = Signature(owner=STRING, arguments=(STRING,))
_CLOCK = Signature(owner=TIMESTAMP, result=INT)
_TEXTS = list_of(STRING)

SIGNATURES: Mapping[str, tuple[Signature, ...]] = {
    **{
        name: (Signature(arguments=(DYN,)), Signature(owner=DYN))
        for name in ("has_secret", "has_personal_data", "has_injection_signs", "shells_out")
    },
    "urls_outside": (Signature(arguments=(DYN, _TEXTS)), Signature(owner=DYN, arguments=(_TEXTS,))),
    "paths_outside": (Signature(arguments=(DYN, STRING)), Signature(owner=DYN, arguments=(STRING,))),
    "like": (Signature(arguments=(STRING, STRING)), _TEXT),
    "listed": (
        Signature(arguments=(STRING, _TEXTS)),
        Signature(owner=STRING, arguments=(_TEXTS,)),
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
