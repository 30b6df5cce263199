"""Signs that data speaks to an assistant."""

import re
from collections.abc import Iterator
from typing import Any

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened

_OVERRIDE = re.compile(
    r"(?i)ignore (?:all )?(?:the )?(?:previous|above|prior) instructions|<\|im_start\|>|\[INST\]"
)


def has_injection_signs(value: Any) -> bool:
    """Whether a text of the value shows signs of instructions aimed at an assistant."""
    return any_in(value, _search)


def findings(value: Any) -> list[Finding]:
    """The signs and where they stand."""
    return found_in(value, _search, show=shortened)


def _search(text: Text) -> Iterator[Hit]:
    for match in _OVERRIDE.finditer(text.text):
        yield Hit(kind="override", start=match.start(), end=match.end())
