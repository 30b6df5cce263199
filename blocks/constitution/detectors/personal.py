"""Data about a person: e-mail addresses and payment cards."""

import re
from collections.abc import Iterator
from typing import Any

from stdnum import luhn

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, masked

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")


def has_personal_data(value: Any) -> bool:
    """Whether the value holds data about a person."""
    return any_in(value, search, numbers=True)


def findings(value: Any) -> list[Finding]:
    """What of the value is data about a person, masked."""
    return found_in(value, search, show=masked, numbers=True)


def search(text: Text) -> Iterator[Hit]:
    for match in _MAIL.finditer(text.text):
        yield Hit(kind="e-mail", start=match.start(), end=match.end())
    for match in _CARD.finditer(text.text):
        if luhn.is_valid(re.sub(r"[ -]", "", match.group())):
            yield Hit(kind="card", start=match.start(), end=match.end())
