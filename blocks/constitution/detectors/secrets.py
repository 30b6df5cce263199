"""What looks like a secret, so that it is neither sent out nor quoted."""

import re
from collections.abc import Mapping
from typing import Any

_LOOKS_SECRET = re.compile(
    r"""
    -----BEGIN[ ](?:[A-Z0-9]+[ ])*PRIVATE[ ]KEY-----[\s\S]*?
        (?:-----END[ ](?:[A-Z0-9]+[ ])*PRIVATE[ ]KEY-----|\Z)
  | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
  | \bgh[pousr]_[A-Za-z0-9]{36,255}\b
  | \bgithub_pat_[A-Za-z0-9_]{50,255}\b
  | \bglpat-[A-Za-z0-9_-]{20,}\b
  | \bxox[abeoprs]-[A-Za-z0-9-]{10,}
  | \bsk-(?:[A-Za-z0-9]+-)*[A-Za-z0-9_]{20,}
  | \b(?:sk|rk)_live_[A-Za-z0-9]{16,}
  | \bAIza[0-9A-Za-z_-]{35}\b
  | \bnpm_[A-Za-z0-9]{36}\b
  | \bpypi-[A-Za-z0-9_-]{50,}
  | \beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}
  | (?<=://)[^/\s:@"'<>,;{}]+:[^/\s:@"'<>,;{}]+(?=@)
    """,
    re.VERBOSE,
)
MASK = "[redacted]"


def redact_text(text: str) -> str:
    """The text with everything that looks like a secret masked."""
    return _LOOKS_SECRET.sub(MASK, text)


def has_secret(value: Any) -> bool:
    """Whether any text in the value looks like a secret."""
    if isinstance(value, str):
        return _LOOKS_SECRET.search(value) is not None
    if isinstance(value, Mapping):
        return any(has_secret(key) or has_secret(inner) for key, inner in value.items())
    return isinstance(value, list | tuple | set | frozenset) and any(map(has_secret, value))


def redacted(value: Any) -> Any:
    """The same value with secrets in its texts masked; only plain containers are entered."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {redacted(key): redacted(inner) for key, inner in value.items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(redacted(inner) for inner in value)
    return value
