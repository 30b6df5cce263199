"""Text that PostgreSQL can hold."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text with what PostgreSQL cannot hold spelled out: control characters and lone surrogates."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def storable(text: str, limit: int = 4000) -> str:
    """The text with control characters and lone surrogates escaped, cut to `limit` characters."""
    clean = escaped(text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
