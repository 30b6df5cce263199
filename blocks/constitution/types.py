"""The types of conditions, and how a stage's Python types become them."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from blocks.constitution.history import History


@dataclasses.dataclass(frozen=True, slots=True)
class Type:
    """A CEL type; `list` and `map` have inner types, a record has fields."""

    name: str
    inner: tuple["Type", ...] = ()
    fields: tuple[tuple[str, "Type"], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.inner))})" if self.inner else self.name

    @property
    def is_record(self) -> bool:
        return bool(self.fields)


BOOL, INT, UINT, DOUBLE = Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL, DYN = Type("string"), Type("bytes"), Type("null"), Type("dyn")
TIMESTAMP, DURATION = Type("timestamp"), Type("duration")
HISTORY = Type("history")
"""What happened before; it is asked with its own functions and is no value."""
NUMBERS = frozenset({INT, UINT, DOUBLE})
ORDERED = frozenset({*NUMBERS, STRING, BYTES, TIMESTAMP, DURATION})

_SCALARS: Mapping[Any, Type] = {
    bool: BOOL,
    int: INT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    datetime: TIMESTAMP,
    History: HISTORY,
    Any: DYN,
    object: DYN,
}
PYTHON: Mapping[Type, tuple[type, ...]] = {
    BOOL: (bool,),
    INT: (int,),
    DOUBLE: (float, int),
    STRING: (str,),
    BYTES: (bytes,),
    TIMESTAMP: (datetime,),
}
"""What a fact of a typed field must be; a fact of another type fails the decision closed."""


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(value: Type) -> Type:
    return Type("map", (STRING, value))


@cache
def type_of(annotation: Any) -> Type:
    """The condition type of a Python annotation used in a stage's schema."""
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        hints = get_type_hints(annotation)
        return Type(annotation.__name__, fields=tuple((key, type_of(hint)) for key, hint in hints.items()))
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {tuple, list, frozenset}:
        return list_of(type_of(inner[0]))
    return map_of(type_of(inner[1]))


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of one type may stand where the other is wanted; `dyn` fits everywhere."""
    if DYN in {given, wanted} or given == wanted:
        return True
    if given.name == wanted.name and len(given.inner) == len(wanted.inner) and given.inner:
        return all(fits(one, other) for one, other in zip(given.inner, wanted.inner, strict=True))
    return False


def comparable(one: Type, other: Type) -> bool:
    """Whether `==` between the two can ever be true; the engine would silently say false."""
    if one in NUMBERS and other in NUMBERS:
        return True
    return fits(one, other)
