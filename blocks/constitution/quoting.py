"""Facts as they may be quoted to people: short, and without what looks like a secret."""

from typing import Any

from blocks.constitution.detectors.secrets import redact_text
from blocks.constitution.values import MISSING
from blocks.constitution.withheld import Withheld
from blocks.plain import plain

LONGEST_QUOTE = 200


def quoted(value: Any) -> str:
    if value is MISSING:
        return "(not given)"
    if isinstance(value, Withheld):
        return "(withheld)"
    text = redact_text(str(plain(value)))
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."
