"""Facts that are not kept: their hash and length stand in their place."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from blocks.plain import plain

KEY = "$withheld"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Withheld:
    """A value that was there but is not shown; a condition that reads it cannot be evaluated."""

    sha256: str
    """Of the value's canonical JSON (RFC 8785)."""
    length: int
    """Bytes of that JSON."""

    @classmethod
    def of(cls, value: Any) -> "Withheld":
        written = rfc8785.dumps(plain(value))
        return cls(hashlib.sha256(written).hexdigest(), len(written))

    def as_json(self) -> dict[str, Any]:
        return {KEY: self.sha256, "length": self.length}


def restore(value: Any) -> Any:
    """The same JSON with `Withheld` objects where `as_json` left its mark."""
    if isinstance(value, Mapping):
        if value.keys() == {KEY, "length"} and _is_mark(value):
            return Withheld(value[KEY], value["length"])
        return {name: restore(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [restore(inner) for inner in value]
    return value


def _is_mark(value: Mapping[str, Any]) -> bool:
    return (
        isinstance(value[KEY], str) and bool(_SHA256.fullmatch(value[KEY])) and type(value["length"]) is int
    )
