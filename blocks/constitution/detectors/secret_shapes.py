"""The published shapes of credentials, and the reasons to believe that a suspected value is none."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

LEAST_ENTROPY = 3.0
"""Bits a character: hexadecimal digits of a generator have 3.2 and more, repetitive text has less."""
_RANDOM_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One published format: cheap words that must be in the text, and the pattern that is then asked."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(words: str, pattern: str) -> Shape:
    return Shape(words=tuple(words.split()), pattern=re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})"))


SHAPES: Mapping[str, Shape] = {
    "aws-key": _shape("AKIA ASIA ABIA ACCA", r"A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    "github-token": _shape("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    "github-pat": _shape("github_pat_", r"github_pat_[A-Za-z0-9_]{50,255}"),
    "gitlab-token": _shape("glpat- gldt- glrt- glcbt-", r"gl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,255}"),
    "slack-token": _shape("xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,255}"),
    "slack-hook": _shape("hooks.slack.com", r"hooks\.slack\.com/services/(?:[A-Z0-9]{8,12}/){2}\w{20,}"),
    "discord-hook": _shape("discord", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,80}"),
    "api-key": _shape("sk-", r"sk-[A-Za-z0-9_-]{20,255}"),
    "stripe-key": _shape("sk_live_ rk_live_", r"[sr]k_live_[A-Za-z0-9]{16,255}"),
    "google-key": _shape("AIza", r"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z])"),
    "google-oauth": _shape("GOCSPX- ya29.", r"GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,}"),
    "npm-token": _shape("npm_", r"npm_[A-Za-z0-9]{36}(?![0-9A-Za-z])"),
    "pypi-token": _shape("pypi-", r"pypi-[A-Za-z0-9_-]{50,}"),
    "sendgrid-key": _shape("SG.", r"SG\.[\w-]{16,32}\.[\w-]{16,64}"),
    "hugging-face-token": _shape("hf_", r"hf_[A-Za-z0-9]{30,40}(?![0-9A-Za-z])"),
    "digital-ocean-token": _shape("_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    "shopify-token": _shape("shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    "docker-token": _shape("dckr_", r"dckr_(?:pat|oat)_[\w-]{27,}"),
    "grafana-token": _shape("glsa_ glc_", r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}"),
    "vault-token": _shape("hvs. hvb.", r"hv[sb]\.[\w-]{24,}"),
    "age-key": _shape("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    "telegram-token": _shape(":AA", r"\d{8,10}:AA[\w-]{33}(?![\w-])"),
    "web-token": _shape("eyJ", r"(?<![\w.-])eyJ[\w-]{10,}+\.eyJ[\w-]{10,}+\.[\w-]{10,}+"),
}
_SURE = frozenset({"aws-key", "private-key"})
"""Formats that are taken for live however their value reads."""

_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3,}|-{4,}|_{4,}|<[^>]*>|(.)\1{5,}|example|placeholder|dummy"
    r"|change[-_ ]?(?:me|this|it)|redacted|sanitized|your[-_ ]?(?!s)|insert|replace|1234567|abcdefg|deadbeef"
)
_WORD_OF_A_MANUAL = re.compile(
    r"(?i)(?:my[-_]?)?(?:secret|password|passwd|passphrase|pass|pwd|token|key|api[-_]?key|test(?:ing|er"
    r"|pass|key)?"
    r"|dev|local|admin|root|user(?:name)?|guest|postgres|mysql|redis|rabbitmq|default|none|null|nil"
    r"|true|false|yes"
    r"|no|undefined|empty|unset|required|optional|string|text|bytes|str|hidden|any|value|letmein|welcome|demo"
    r"|incorrect|invalid|missing|unknown|expired)?[-_]?\d{0,4}"
)
_REFERENCE = re.compile(
    r"^[$!&*@#/~.<\[{(|]|\$\{|\$\(|\{\{|%\(|%[A-Z_]+%|\(|\)$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$"
    r"|^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*){1,9}\]?$"
    r"|^(?i:vault|env|ref|ssm|secret|file|https?|op|arn|keyring|sops|gcp|aws|azure)[+:]|::|->|^--?[a-z]"
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_.:/ ][A-Za-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|(?:[A-Z][a-z]+){2,}")


def is_live(kind: str, value: str) -> bool:
    """Whether a value of a published shape may be a credential rather than a placeholder or a slug."""
    if kind in _SURE:
        return True
    if kind == "api-key" and not any(looks_random(piece) for piece in re.split(r"[-_]", value)):
        return False
    return not _PLACEHOLDER.search(value) and entropy(value) >= LEAST_ENTROPY


def is_reference(value: str) -> bool:
    """Whether a value is a placeholder, or says where the secret is kept instead of what it is."""
    return (
        bool(_REFERENCE.search(value))
        or bool(_PLACEHOLDER.search(value))
        or bool(_WORD_OF_A_MANUAL.fullmatch(value))
    )


def is_password(value: str, *, prose: bool) -> bool:
    """Whether a value that something calls a password is one; words of a sentence are none."""
    if len(value) < 6 or is_reference(value) or re.search(r"\s", value):
        return False
    if prose or not value.isascii():
        return bool(re.search(r"[A-Za-z]", value) and re.search(r"[\d!@#$%^&*+=~]", value))
    return not _WORDS.fullmatch(value) and not re.fullmatch(r"[\d.]+", value)


def looks_random(value: str) -> bool:
    """Whether a value has the letters, digits and spread of something a generator made."""
    mixed = bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
    return mixed and len(value) >= _RANDOM_LENGTH and entropy(value) >= LEAST_ENTROPY


def entropy(value: str) -> float:
    """Shannon's entropy in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
