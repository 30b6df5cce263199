"""What a suspected value looks like: the reasons to believe that it is no secret."""

import re
from collections.abc import Callable

from detect_secrets.filters.heuristic import (
    is_not_alphanumeric_string,
    is_potential_uuid,
    is_prefixed_with_dollar_sign,
    is_sequential_string,
    is_templated_secret,
)

from blocks.constitution.detectors.secret_shapes import LEAST_ENTROPY, entropy

_FAKE_TOKEN = re.compile(
    r"(?i)example|sample|change[-_ ]?(?:me|this|it)|placeholder|dummy|fake|mock|redacted|sanitized|insert"
    r"|replace|your[-_ ]?|x{4,}|\*{3,}|\.{3,}|-{4,}|_{4,}|<[^>]*>|(.)\1{5,}|1234567|abcdefg|deadbeef"
)
_FAKE = re.compile(
    r"(?i)my[-_]?(?:secret|password|token|key|api)|not[-_ ]?(?:a|so|very)?[-_ ]?(?:real|secret|secure)"
    r"|insecure|super[-_ ]?secret|top[-_ ]?secret|s3cr3t|p[a@4]ss?w[o0]rd|^pass|hunter2|^1234|12345|abcd"
    r"|qwerty|cafebabe|foo|bar\b|baz|lorem|\btodo\b"
)
_FAKE_WHOLE = re.compile(
    r"(?i)(?:secret|password|passwd|passphrase|pass|pwd|token|key|api[-_]?key|test(?:ing|er|pass|key)?|dev|local"
    r"|admin|root|user|guest|postgres|mysql|redis|rabbitmq|default|none|null|nil|true|false|yes|no|undefined|empty"
    r"|unset|required|optional|string|text|bytes|str|hidden|any|value|letmein|welcome|demo)?[-_]?\d{0,4}"
)
_REFERENCE = re.compile(
    r"[(){}\[\]$|\\]|%\w|%\(|^[!&*@#/~.]|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+$"
    r"|(?i:^(?:vault|env|ref|ssm|secret|file|https?|op|arn|keyring|sops|gcp|aws|azure)[+:])|::|->|^--?[a-z]"
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_.:/ ][A-Za-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|(?:[A-Z][a-z]+){2,}")
_CHECKSUM = re.compile(
    r"(?i)sha-?\d|md5|blake|digest|checksum|integrity|fingerprint|thumbprint|etag|commit|revision|nonce|public"
    r"|hash(?!ed_pass)|crc|guid|uuid|_id\b|\bid\b|signature"
)
_LEAST = 6


_REASONS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("too short", lambda value: len(value) < _LEAST),
    ("reference or template", is_templated_secret),
    ("reference or template", is_prefixed_with_dollar_sign),
    ("reference or template", _REFERENCE.search),
    ("placeholder", is_sequential_string),
    ("placeholder", _FAKE_TOKEN.search),
    ("placeholder", _FAKE.search),
    ("placeholder", _FAKE_WHOLE.fullmatch),
    ("number or identifier", is_not_alphanumeric_string),
    ("number or identifier", is_potential_uuid),
    ("plain words", _WORDS.fullmatch),
    ("plain words", re.compile(r"\s").search),
)


def no_secret(value: str) -> str | None:
    """The reason why a value that something named a secret is none, or None when it may well be one."""
    return next((reason for reason, is_met in _REASONS if is_met(value)), None)


def no_token(value: str, text: str) -> str | None:
    """The reason why a value of a published format is no live token."""
    start = text.find(value)
    around = text[max(start - 1, 0) : start] + " " + text[start + len(value) : start + len(value) + 1]
    if start >= 0 and re.search(r"[A-Za-z0-9]", around):
        return "part of a longer string"
    if _FAKE_TOKEN.search(value) or is_sequential_string(value):
        return "placeholder"
    return None if re.search(r"\d", value) and entropy(value) >= LEAST_ENTROPY else "plain words"


def is_checksum(text: str) -> bool:
    """Whether a line speaks of digests, identifiers or public values."""
    return bool(_CHECKSUM.search(text))
