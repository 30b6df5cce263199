"""Signs that data speaks to an assistant: a sign and no defence, which is provenance and frozen authority."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened
from blocks.constitution.detectors.injection_forms import AIMED, FORMS

_WORDS = [(word, number) for number, form in enumerate(FORMS) for word in form.words]
_TAGS = re.compile("(?<!\U0001f3f4)(?<![\U000e0000-\U000e007f])[\U000e0000-\U000e007f]+")
"""Characters that spell ASCII and that no screen shows, except as the flag of a region after a black flag."""
_BACKWARDS = re.compile("[\u202d\u202e][^\u202c\n]{8,}")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SPELT = re.compile(r"(?<!\w)(?:\w {1,4}){12,400}\w(?!\w)")
_MIXED = re.compile("[a-z][\u0430-\u045f]|[\u0430-\u045f][a-z]", re.IGNORECASE)
_LEET = re.compile(r"[a-z][013457@$][a-z]|\b[1@$][a-z]{2}", re.IGNORECASE)
_CYRILLIC = "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455"
"""Letters that look like Latin ones."""
_LETTERS = str.maketrans(f"013457@${_CYRILLIC}", "oieastasaeopcyxis")
_LONGEST_COMMENT = 2000
_HIDDEN = re.compile(
    r"<\w{1,10}\s[^<>]{0,300}?(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:px|pt"
    r"|em)?\s*[;\"']"
    r"|opacity\s*:\s*0\s*[;\"']|color\s*:\s*(?:white|#fff(?:fff)?)\b"
    r"|(?<=\s)hidden(?=[\s>]))[^<>]{0,300}>([^<]{3,2000})",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/]{24,8000}={0,2}(?![A-Za-z0-9+/])")


def has_injection_signs(value: Any) -> bool:
    """Whether a text of the value shows signs of instructions aimed at an assistant.

    Whoever words an instruction freshly is not found: what may follow from data must be decided by where it
    came from (`data.labels`), not by this.
    """
    return any_in(value, _search)


def findings(value: Any) -> list[Finding]:
    """The signs and where they stand."""
    return found_in(value, _search, show=shortened)


def _search(text: Text) -> Iterator[Hit]:
    whole = text.text
    if len(whole) < 4 or (len(whole) < 24 and whole.isascii() and whole.isidentifier()):
        return
    yield from _worded(whole)
    if not whole.isascii():
        yield from _unseen(whole)
    for form in _respelt(whole):
        for hit in _worded(form):
            yield Hit(kind=f"disguised-{hit.kind}", start=0, end=len(whole))
    if "<" in whole:
        yield from _hidden(whole)
    for match in _BASE64.finditer(whole):
        decoded = _decoded(match.group())
        if decoded and any(True for _ in _worded(decoded)):
            yield Hit(kind="encoded", start=match.start(), end=match.end())


def _worded(text: str) -> Iterator[Hit]:
    lowered = f" {text.lower()}"
    for number in dict.fromkeys([number for word, number in _WORDS if word in lowered]):
        for match in FORMS[number].pattern.finditer(text):
            yield Hit(kind=FORMS[number].kind, start=match.start(), end=match.end())


def _unseen(text: str) -> Iterator[Hit]:
    for pattern, kind in ((_TAGS, "tag-characters"), (_BACKWARDS, "reversed")):
        for match in pattern.finditer(text):
            yield Hit(kind=kind, start=match.start(), end=match.end())


def _respelt(text: str) -> Iterator[str]:
    """The text as it reads once a disguise is taken off, where it wears one."""
    plain = text
    if not text.isascii():
        plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
        if plain != text:
            yield plain
        latin = plain.translate(_LETTERS)
        if latin != plain and _MIXED.search(plain):
            yield latin
    if _LEET.search(plain):
        yield plain.translate(_LETTERS)
    for match in _SPELT.finditer(plain):
        words = re.split(r" {2,}", match.group())
        yield " ".join(word.replace(" ", "") for word in words)


def _hidden(text: str) -> Iterator[Hit]:
    at = text.find("<!--")
    while at >= 0 and (end := text.find("-->", at)) >= 0:
        if AIMED.search(text[at : min(end, at + _LONGEST_COMMENT)]):
            yield Hit(kind="hidden-text", start=at, end=end + 3)
        at = text.find("<!--", end)
    for match in _HIDDEN.finditer(text):
        if AIMED.search(match.group(1)):
            yield Hit(kind="hidden-text", start=match.start(), end=match.end())


def _decoded(code: str) -> str | None:
    try:
        text = base64.b64decode(code + "=" * (-len(code) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if text.isprintable() else None
