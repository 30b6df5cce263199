"""Code that starts other programs."""

import re
from collections.abc import Iterator
from typing import Any

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened

_CALLS = re.compile(r"\b(?:os\.(?:system|popen)|subprocess\.\w+|child_process|shell_exec|xp_cmdshell)\b")


def shells_out(value: Any) -> bool:
    """Whether a text of the value is code that starts other programs."""
    return any_in(value, _search)


def findings(value: Any) -> list[Finding]:
    """The calls and where they stand."""
    return found_in(value, _search, show=shortened)


def _search(text: Text) -> Iterator[Hit]:
    for match in _CALLS.finditer(text.text):
        yield Hit(kind="call", start=match.start(), end=match.end())
