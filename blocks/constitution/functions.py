"""The functions a condition may call: their types, and the hub's own ones beside the engine's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way to call a function; `owner` set means the method form `owner.name(...)`."""

    owner: Type | None = None
    arguments: tuple[Type, ...] = ()
    result: Type = field(default=BOOL)


def listed(text: str, patterns: list[str]) -> bool:
    """Whether the text fits one of the globs."""
    return any(like(text, pattern) for pattern in patterns)


OWN: Mapping[str, Callable[..., Any]] = {
    "has_secret": has_secret,
    "has_personal_data": has_personal_data,
    "has_injection_signs": has_injection_signs,
    "shells_out": shells_out,
    "urls_outside": urls_outside,
    "paths_outside": paths_outside,
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
    **{
        name: (Signature(arguments=(DYN,)), Signature(owner=DYN))
        for name in ("has_secret", "has_personal_data", "has_injection_signs", "shells_out")
    },
    "urls_outside": (
        Signature(arguments=(DYN, list_of(STRING))),
        Signature(owner=DYN, arguments=(list_of(STRING),)),
    ),
    "paths_outside": (Signature(arguments=(DYN, STRING)), Signature(owner=DYN, arguments=(STRING,))),
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
