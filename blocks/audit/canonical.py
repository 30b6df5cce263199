"""Canonical JSON (RFC 8785) at the speed of the C encoder wherever both write the same."""

import json
import re
from typing import Any

import rfc8785

from blocks.plain import plain

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
EXACT = 2**53
"""Below it, integers and doubles are the same numbers."""
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
"""Characters by which RFC 8785 sorts otherwise than Python does."""


def canonical(value: Any) -> str:
    """The plain value as RFC 8785 writes it; what JSON does not know is made plain first."""
    return canonical_of_plain(plain(value))


def canonical_of_plain(value: Any) -> str:
    """The same for a value that is plain already."""
    if not _numbers_are_alike(value):
        value = _with_integers(value)
    if _numbers_are_alike(value):
        text = _encode(value)
        if text.isascii() or not _BEYOND.search(text):
            return text
    return rfc8785.dumps(value).decode()


def _numbers_are_alike(value: Any) -> bool:
    """Whether Python spells every number in it as ECMAScript does."""
    kind = type(value)
    if kind is float:
        return bool(1e-4 <= abs(value) < 1e16 and not value.is_integer())  # Python's own bounds
    if kind is dict:
        return all(map(_numbers_are_alike, value.values()))
    if kind is list:
        return all(map(_numbers_are_alike, value))
    return True


def _with_integers(value: Any) -> Any:
    """The value with floats that are integers as such, for they are spelled alike."""
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < EXACT else value
    if kind is dict:
        return {key: _with_integers(inner) for key, inner in value.items()}
    if kind is list:
        return [_with_integers(inner) for inner in value]
    return value
