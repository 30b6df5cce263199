"""What looks like a secret, so that it is neither sent out nor quoted."""

import re
from collections.abc import Iterator
from typing import Any

from blocks.constitution.detectors import personal as personal_data
from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, masked
from blocks.constitution.detectors.secret_shapes import (
    SHAPES,
    is_live,
    is_password,
    is_reference,
    looks_random,
)

MASK = "[redacted]"

_WORDS = [(word, kind) for kind, shape in SHAPES.items() for word in shape.words]
_LONG = re.compile(r"\S{15}")
"""No published format is shorter than this."""
_STEMS = ("pass", "pwd", "secret", "token", "key", "auth", "credential")
_OPTIONS = (" -p", " -u", " -a", "--pass", "--user")
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{20}")
_IN_URL = re.compile(r"://([^\s/:@\"'<>,;{}]{0,100}:([^\s/@\"'<>,;{}]{1,200}))@")
_SCHEME = re.compile(r"(?i)\b(?:bearer|basic)\s{1,3}([A-Za-z0-9+/=._~-]{16,2000})")
_NAME = re.compile(
    r"(?i)pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|auth|(?:api|access|account|private|signing"
    r"|encryption|secret|service|master|shared)[_-]?key"
)
_AFTER_NAME = re.compile(
    r"([\w-]{0,30})[\"'\]]{0,2}[ \t]{0,4}(?::=|=>|=(?!=)|:(?![:/]))[ \t]{0,4}[rbuf]?([\"'`]?)"
)
_BARE = re.compile(r"[^\s\"'`,;&<>]{6,400}")
_QUOTED = re.compile(r"[^\"'`\n]{6,400}")
_PASSWORD_NAME = re.compile(r"(?i)pass(?:word|wd|phrase|code)?$|pwd$|^pass")
_ABOUT = re.compile(
    r"(?i)(?:name|ref|file|path|dir|id|field|label|policy|type|url|uri|endpoint|length|len|timeout|ttl|age"
    r"|expir\w*|enabled|required|prompt|title|text|help|regex|pattern|format|header|prefix|suffix|error"
    r"|message|hint|desc\w*|env|var|variable|store|provider|source|column|scheme|grant|hash|algorithm"
    r"|version|count|limit|placeholder|usage|total|digest|sha256|tokens|index|public\w*)s?$"
    r"|^(?:next|page|sync|continuation|csrf|public)[_-]"
    r"|(?i:tokens|author|authored|authority|passes|passed|passing|passenger|passive|secretary)"
)
_OPTION = re.compile(
    r"(?<=\s)(?:(?:--pass(?:word)?|-p|-a)[ =]?[\"']?(\S{6,80})|(?:-u"
    r"|--user)[ =]?[\"']?[^\s:]{1,60}:(\S{4,80}))"
)
_COMMAND = re.compile(
    r"\b(?:docker|podman|helm|sshpass|mysql\w*|mongo\w*|redis-cli|curl|wget|http|ldapsearch)\b"
)
_NETRC = re.compile(r"\blogin\s{1,3}\S{1,100}\s{1,3}password\s{1,3}(\S{6,100})")


def has_secret(value: Any) -> bool:
    """Whether any text or key in the value looks like a secret, or the value is too large to look at."""
    return any_in(value, _search)


def findings(value: Any) -> list[Finding]:
    """What looks like a secret and where, masked."""
    return found_in(value, _search, show=masked)


def redact_text(text: str) -> str:
    """The text with everything that looks like a secret masked."""
    return _masked_text(Text(text=text), personal=False)


def redacted(value: Any, *, personal: bool = False, name: str = "") -> Any:
    """The same value with secrets, and personal data if asked, masked; only plain containers are entered."""
    if isinstance(value, str):
        return _masked_text(Text(text=value, name=name), personal=personal)
    if isinstance(value, dict):
        return {
            redacted(key, personal=personal): redacted(inner, personal=personal, name=str(key))
            for key, inner in value.items()
        }
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(redacted(inner, personal=personal, name=name) for inner in value)
    return value


def _masked_text(text: Text, *, personal: bool) -> str:
    hits = [*_search(text), *(personal_data.search(text) if personal else ())]
    if not hits:
        return text.text
    pieces, end = [], 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= end:
            pieces += [text.text[end : hit.start], MASK]
        end = max(end, hit.end)
    return "".join([*pieces, text.text[end:]])


def _search(text: Text) -> Iterator[Hit]:
    whole = text.text
    if len(whole) < 6:
        return
    if _LONG.search(whole):
        yield from _shaped(whole)
    if "-----BEGIN" in whole:
        yield from _private_keys(whole)
    if "://" in whole and "@" in whole:
        yield from _in_urls(whole)
    yield from _called_secret(text)


def _shaped(whole: str) -> Iterator[Hit]:
    for kind in dict.fromkeys([kind for word, kind in _WORDS if word in whole]):
        for match in SHAPES[kind].pattern.finditer(whole):
            if is_live(kind, match.group()):
                yield Hit(kind=kind, start=match.start(), end=match.end())


def _private_keys(whole: str) -> Iterator[Hit]:
    at = 0
    while begin := _PRIVATE_KEY.search(whole, at):
        at = begin.end()
        if _KEY_BODY.search(whole, at, at + 400):
            end = _KEY_END.search(whole, at)
            at = end.end() if end else len(whole)
            yield Hit(kind="private-key", start=begin.start(), end=at)


def _in_urls(whole: str) -> Iterator[Hit]:
    for match in _IN_URL.finditer(whole):
        if not is_reference(match.group(2)):
            yield Hit(kind="password-in-url", start=match.start(1), end=match.end(1))


def _called_secret(text: Text) -> Iterator[Hit]:
    whole = text.text
    lowered = whole.lower()
    if text.name and _NAME.search(text.name) and _is_secret(text.name, whole.strip(), prose=False):
        yield Hit(kind="named-secret", start=0, end=len(whole))
    if any(stem in lowered for stem in _STEMS):
        yield from _assigned(whole)
    if "bearer" in lowered or "basic" in lowered:
        for match in _SCHEME.finditer(whole):
            if looks_random(match.group(1)) and not is_reference(match.group(1)):
                yield Hit(kind="authorization", start=match.start(1), end=match.end(1))
    if any(option in whole for option in _OPTIONS) or "login" in lowered:
        yield from _on_command_lines(whole)


def _assigned(whole: str) -> Iterator[Hit]:
    at = 0
    while stem := _NAME.search(whole, at):
        at = stem.end()
        after = _AFTER_NAME.match(whole, at)
        if after is None:
            continue
        before = re.search(r"[\w.-]{0,60}\Z", whole[max(stem.start() - 60, 0) : stem.start()])
        name = (before.group() if before else "") + stem.group() + after.group(1)
        value = (_QUOTED if after.group(2) else _BARE).match(whole, after.end())
        prose = not after.group(2) and after.group().endswith((" ", "\t")) and name.islower()
        if value and _is_secret(name, value.group(), prose=prose):
            at = value.end()
            yield Hit(kind="named-secret", start=value.start(), end=value.end())


def _is_secret(name: str, value: str, *, prose: bool) -> bool:
    last = re.split(r"[.]", name)[-1]
    if _ABOUT.search(last):
        return False
    if _PASSWORD_NAME.search(last):
        return is_password(value, prose=prose)
    return looks_random(value) and not is_reference(value)


def _on_command_lines(whole: str) -> Iterator[Hit]:
    for match in _OPTION.finditer(whole):
        before = whole[max(match.start() - 200, 0) : match.start()].rpartition("\n")[2]
        group = 1 if match.group(1) else 2
        if _COMMAND.search(before) and is_password(match.group(group).rstrip("\"'"), prose=True):
            yield Hit(kind="password-on-command-line", start=match.start(group), end=match.end(group))
    for match in _NETRC.finditer(whole):
        if is_password(match.group(1), prose=True):
            yield Hit(kind="netrc", start=match.start(1), end=match.end(1))
