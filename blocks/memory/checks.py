"""What memory takes and what it refuses, with the mend."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from blocks.errors import BadInput

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


def as_json(value: Any, place: str, limit: int) -> str:
    """The value as compact JSON, or `BadInput` when it is not JSON or longer than `limit` bytes."""
    try:
        written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        mend = "use objects, lists, text, finite numbers, true, false and null, not nested too deeply"
        raise BadInput(f"{place} is not JSON", mend=mend) from None
    if len(written) > limit:
        mend = "keep it in a file and remember where"
        raise BadInput(f"{place} has {len(written):,} bytes as JSON; {limit:,} is the most", mend=mend)
    return written


def as_seconds(when: datetime | None, place: str) -> float | None:
    """Seconds since 1970, or `BadInput` when the moment does not say in which time zone it is."""
    if when is not None and when.tzinfo is None:
        raise BadInput(f"{place} has no time zone", mend="add one, as in 2030-01-31T12:00:00Z")
    return None if when is None else when.timestamp()
