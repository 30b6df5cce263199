"""What memory takes and what it refuses, with the mend."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from blocks.errors import BadInput

DEEPEST = 64
"""Levels of lists and objects in each other; deeper ones break readers."""
_SCOPE = re.compile(r"[a-z][a-z0-9_-]{0,31}(:[A-Za-z0-9_.-]{1,80})?")
_TENANT = re.compile(r"[a-z][a-z0-9-]{0,62}")


def checked_scope(scope: str) -> str:
    if not _SCOPE.fullmatch(scope):
        raise BadInput(
            f"{scope[:100]!r} is not a memory scope",
            mend="write a lower-case word, or a word and a plain subject as in 'repository:NAME'",
        )
    return scope


def checked_tenant(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise BadInput(f"{tenant[:100]!r} is not the name of a tenant")
    return tenant


def checked_ids(ids: Sequence[str]) -> list[str]:
    try:
        return [str(UUID(given)) for given in ids]
    except ValueError:
        raise BadInput("the id of a memory is a UUID", mend="give the `id` of a recalled memory") from None


def checked_text(text: str, place: str, limit: int) -> str:
    """The text, unless it is blank, too long or not encodable."""
    if not text.strip():
        raise BadInput(f"{place} is empty", mend="give a text with at least one word")
    if len(text) > limit:
        raise BadInput(f"{place} has {len(text):,} characters; {limit:,} is the most", mend="shorten it")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadInput(f"{place} holds half of a surrogate pair", mend="send well-formed Unicode")
    return text


def as_json(value: Any, place: str, limit: int) -> str:  # anything may be tried
    """The value as compact JSON, or `BadInput` when it is not JSON or longer than `limit` bytes."""
    try:
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(written.encode())
    except (TypeError, ValueError, RecursionError):
        size = -1
    if size < 0 or _deeper_than(value, DEEPEST):
        mend = f"use objects, lists, text, finite numbers, booleans and null, at most {DEEPEST} deep"
        raise BadInput(f"{place} is not JSON that can be kept", mend=mend)
    if size > limit:
        mend = "keep it in a file and remember where"
        raise BadInput(f"{place} has {size:,} bytes as JSON; {limit:,} is the most", mend=mend)
    return written


def _deeper_than(value: Any, room: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return bool(inside) and (room == 0 or any(_deeper_than(part, room - 1) for part in inside))


def as_seconds(when: datetime | None, place: str) -> float | None:
    """Seconds since 1970, or `BadInput` when the moment does not say in which time zone it is."""
    if when is not None and when.tzinfo is None:
        raise BadInput(f"{place} has no time zone", mend="add one, as in 2030-01-31T12:00:00Z")
    return None if when is None else when.timestamp()
