"""detect-secrets' own plugins, asked line by line.

The library's settings are process-wide and its file scanner follows paths, so the plugins are asked
directly: about text that was read safely, and never with the verification that goes to the network.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.filters.allowlist import is_line_allowlisted
from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin
from detect_secrets.plugins.keyword import KeywordDetector
from detect_secrets.util.code_snippet import get_code_snippet

LONGEST_LINE = 1000
"""Longer lines are generated or minified; above this the keyword patterns take quadratic time."""
CROWDED = 12
"""So many telling words on one line are a word list or an attack on the patterns."""
NO_SECRETS = frozenset({"Public IP (ipv4)"})
"""Kinds that the library knows and that are no secrets."""
INNER_GROUP = frozenset({"AWS Access Key", "Basic Auth Credentials"})
"""Kinds whose pattern has the secret in a group and its surroundings around it."""

_WORTH_A_LOOK = {
    "token": re.compile(
        r"://[^\s/]+:[^\s/]+@|PRIVATE KEY|ENCRYPTED PRIVATE|PuTTY-User|eyJ[A-Za-z0-9]|AccountKey=|gh[pousr]_"
        r"|gl[a-z]{2,6}-|GR1348941|xox[a-z]-|_authToken|sk-|pypi-|SG\.|sq0|[rs]k_live|A3T|ABIA|ACCA|AKIA|ASIA"
        r"|(?:AC|SK)[a-z0-9]{32}|\d{8,10}:[\w-]{35}|[MNO][\w-]{23,25}\.|[a-z0-9]{32}-us\d|(?:AKC|AP[0-9A-F])\w{8}"
        r"|(?i:hooks\.slack|softlayer|cloudant|aws.{0,20}(?:key|pw|pass|token)|ibm|iam|cos|sl[_-]?(?:api|user))"
    ),
    "keyword": re.compile(
        r"(?i)(?:api|auth|service|account|db|database|priv|private|client)_?key|(?:db|database|key)_?pass"
        r"|password|passwd|pwd|secret|contrase"
    ),
    "entropy": re.compile(r"[\"'][A-Za-z0-9+/_=-]{20,}[\"']"),
}
"""Cheap patterns that each line must meet before the plugins, some dozens of patterns, are asked."""
_STEMS = ("key", "pass", "pwd", "secret", "contrase")


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What one plugin found on one line; the value never shows in a representation."""

    kind: str
    detector: str
    """`token` for formats that providers publish, `keyword`, or `entropy`."""
    line: int
    value: str = field(repr=False)
    text: str = field(repr=False)
    """The whole line."""
    before: str = field(repr=False)
    after: str = field(repr=False)
    """The lines around it."""


@cache
def plugins() -> dict[str, list[Any]]:
    """One of each plugin that ships with the library, with its default limits, by detector."""
    known: dict[str, Any] = get_mapping_from_secret_type_to_class()
    made = [known[kind]() for kind in sorted(known) if kind not in NO_SECRETS]
    return {name: [plugin for plugin in made if _detector(plugin) == name] for name in _WORTH_A_LOOK}


def detect(name: str, lines: list[str], part: range, unsearched: Counter[str]) -> Iterator[Hit]:
    """Every hit in a part of one file's lines; the most specific plugin has the word on each line."""
    for index in part:
        text = lines[index]
        if len(text) > LONGEST_LINE:
            unsearched["long"] += 1
            continue
        for kind, detector, value in _on_line(name, text, unsearched):
            yield Hit(
                kind=kind,
                detector=detector,
                line=index + 1,
                value=value,
                text=text,
                before=lines[index - 1][:LONGEST_LINE] if index else "",
                after="\n".join(lines[index + 1 : index + 4])[:LONGEST_LINE],
            )


def is_allowed(name: str, lines: list[str], line: int) -> bool:
    """Whether a `pragma: allowlist secret` comment stands at the line."""
    context = get_code_snippet(lines, line)
    return bool(is_line_allowlisted(name, lines[line - 1][:LONGEST_LINE], context))


def _on_line(name: str, text: str, unsearched: Counter[str]) -> list[tuple[str, str, str]]:
    lowered = text.lower()
    for detector, worth_a_look in _WORTH_A_LOOK.items():
        if detector == "keyword" and not any(stem in lowered for stem in _STEMS):
            continue
        if not worth_a_look.search(text):
            continue
        if detector == "keyword" and len(worth_a_look.findall(text)) > CROWDED:
            unsearched["crowded"] += 1
            continue
        found = [
            (plugin.secret_type, detector, value)
            for plugin in plugins()[detector]
            for value in sorted(_values(plugin, detector, name, text))
        ]
        if found:
            return found
    return []


def _detector(plugin: object) -> str:
    if isinstance(plugin, KeywordDetector):
        return "keyword"
    return "entropy" if isinstance(plugin, HighEntropyStringsPlugin) else "token"


def _values(plugin: Any, detector: str, name: str, text: str) -> set[str]:
    if detector != "token":
        return {secret.secret_value for secret in plugin.analyze_line(filename=name, line=text)}
    valid = getattr(plugin, "is_formally_valid", None)
    # The library's own loop yields the groups of a pattern, which for some tokens are the prefix only.
    inner = plugin.secret_type in INNER_GROUP
    matches = (match for pattern in plugin.denylist for match in pattern.finditer(text))
    values = {match.group(1) if inner and match.lastindex else match.group() for match in matches}
    return {value for value in values if value and (valid is None or valid(value))}
