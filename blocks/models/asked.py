"""What is asked of a model, as plain values: what is decided, digested and sent is the same."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from blocks.errors import SomaError, Unavailable

PER_TOKEN = 3
"""Bytes of JSON that are reckoned as one token, fewer than a token of plain English has."""
_PASSING = frozenset(
    {"timestamp", "run_id", "conversation_id", "usage", "metadata", "provider_url", "model_id"}
)
"""Fields of a message that differ from run to run and that no model is told."""


class ModelDown(Unavailable):
    """The model does not answer."""


class ModelRefused(SomaError):
    """The model's provider does not take the request."""

    final = True


def without_passing(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages without moments and run ids, so that the same conversation has the same digest."""
    return [
        {**_lasting(message), "parts": [_lasting(part) for part in message.get("parts") or ()]}
        for message in messages
    ]


def reckoned(asked: Any, answer: int) -> int:
    """The most tokens that a request is reckoned to take: what is said, and the longest answer."""
    return len(json.dumps(asked, ensure_ascii=False).encode()) // PER_TOKEN + answer


def _lasting(part: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in part.items() if name not in _PASSING and value is not None}
    if part.get("part_kind") == "retry-prompt" and not part.get("tool_name"):
        kept.pop("tool_call_id", None)  # made up, for nobody called a tool
    return kept
