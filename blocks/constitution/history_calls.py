"""Questions about what happened before, such as `history.count('tool.call', 'mail.*')`."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

import cel

from blocks.constitution import parser
from blocks.constitution.closeness import closest
from blocks.constitution.decisions import STAGES
from blocks.constitution.inquiry import Inquiry, Question, name_of
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import Node
from blocks.constitution.types import BOOL, INT, STRING, Type, list_of
from blocks.constitution.values import MISSING, checked, fact

_LABELS = list_of(STRING)
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "count": ("stage", "glob"),
    "count_within": ("stage", "glob", "duration"),
    "refused": ("stage", "glob"),
    "saw": ("label",),
}


def history_type(node: parser.Call) -> Type:
    """The type of a question about history, or a `ConditionError` when it is not asked rightly."""
    wanted = _ARGUMENTS.get(node.name)
    if wanted is None:
        raise ConditionError(f"history has no {node.name}(){closest(node.name, _ARGUMENTS)}", node.position)
    if len(wanted) != len(node.arguments):
        raise ConditionError(f"history.{node.name}() takes {', '.join(wanted)}", node.position)
    for name, argument in zip(wanted, node.arguments, strict=True):
        _check_argument(name, argument)
    return BOOL if node.name == "saw" else INT


def _check_argument(name: str, argument: Node) -> None:
    if name == "duration":
        duration_of(argument)
        return
    if not isinstance(argument, parser.Literal) or argument.kind != "string":
        raise ConditionError(
            f"the {name} of a question about history is a text written out", argument.position
        )
    if name == "stage" and argument.value not in STAGES:
        raise ConditionError(
            f"no stage {argument.value!r}{closest(str(argument.value), STAGES)}", argument.position
        )


def asks_history(node: parser.Call) -> bool:
    return isinstance(node.owner, parser.Name) and node.owner.name == "history"


def history_question(node: parser.Call) -> Question:
    texts = [str(item.value) for item in node.arguments if isinstance(item, parser.Literal)]
    shown = [json.dumps(text) for text in texts]
    if node.name == "count_within":
        within = duration_of(node.arguments[2])
        shown.append(f'duration("{within.total_seconds():g}s")')
        ask = _within(texts[0], texts[1], within.total_seconds())
    elif node.name == "saw":
        ask = _saw(texts[0])
    else:
        ask = _counted(node.name, texts[0], texts[1])
    text = f"history.{node.name}({', '.join(shown)})"
    return Question(text, name_of(text), ask, bool if node.name == "saw" else int, ())


def _within(stage: str, glob: str, seconds: float) -> Callable[[Inquiry], int]:
    return lambda inquiry: inquiry.history().count_within(stage, glob, seconds, inquiry.now())


def _counted(name: str, stage: str, glob: str) -> Callable[[Inquiry], int]:
    if name == "refused":
        return lambda inquiry: inquiry.history().refused(stage, glob)
    return lambda inquiry: inquiry.history().count(stage, glob)


def _saw(label: str) -> Callable[[Inquiry], bool]:
    def ask(inquiry: Inquiry) -> bool:
        seen = fact(("data", "seen"), inquiry.facts)
        return inquiry.history().saw(label) or (seen is not MISSING and label in checked(seen, _LABELS))

    return ask


def duration_of(node: Node) -> timedelta:
    """The span of `duration('1h')`, or a `ConditionError`."""
    spelled = node.arguments[0] if isinstance(node, parser.Call) and node.name == "duration" else None
    if not isinstance(spelled, parser.Literal):
        raise ConditionError("write the time as duration('1h')", node.position)
    try:
        found = cel.evaluate(f"duration({spelled.text})")
    except Exception:  # noqa: BLE001  # the engine knows what a duration is
        raise ConditionError(f"{spelled.text} is no duration: write 90s, 30m or 24h", node.position) from None
    if not isinstance(found, timedelta):
        raise ConditionError(f"{spelled.text} is no duration", node.position)
    return found
