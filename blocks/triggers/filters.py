"""Which events a trigger is for: plain fields of its source, and a condition over the event."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from blocks.constitution.conditions import Condition, compile_condition, context_of
from blocks.constitution.inquiry import Inquiry
from blocks.constitution.lexer import ConditionError
from blocks.constitution.types import DYN, map_of
from blocks.errors import BadInput

_VARIABLES = {"event": map_of(DYN)}


def check_condition(text: str) -> None:
    """Raise `BadInput` that says why the text is no condition over `event`."""
    try:
        _compiled(text)
    except ConditionError as error:
        raise BadInput(
            f"condition: {error}", mend="such as: event.body.action == 'opened'; docs/concepts/conditions.md"
        ) from None


def fulfils(condition: str | None, event: Mapping[str, Any]) -> bool:
    """Whether the event fulfils the condition; `BadInput` when that cannot be said of this event."""
    if not condition:
        return True
    inquiry = Inquiry({"event": event})
    compiled = _compiled(condition)
    try:
        return compiled.holds(context_of(compiled, inquiry), inquiry)
    except ConditionError as error:
        raise BadInput(f"the condition {condition!r} cannot be answered for this event: {error}") from None


def is_source(kind: str, source: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the event is of the sort that the trigger's plain fields name."""
    if kind == "project":
        states, blueprint = source.get("states") or ["completed"], source.get("blueprint")
        return event["state"] in states and (not blueprint or fnmatchcase(event["blueprint"], blueprint))
    if kind == "memory":
        labels = set(source.get("labels") or ())
        return fnmatchcase(event["scope"], source.get("scope") or "*") and labels <= set(event["labels"])
    if kind == "bus":
        return fnmatchcase(event["topic"], source.get("topic") or "*")
    return True


@lru_cache(maxsize=256)
def _compiled(text: str) -> Condition:
    return compile_condition(text, _VARIABLES)
