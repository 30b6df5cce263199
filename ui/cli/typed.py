"""Answers as people type them, as the types that their questions want."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ui.wire_intake import Question

WORDS: Mapping[str, bool] = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}


def typed_answers(questions: Sequence[Question], given: Mapping[str, str]) -> dict[str, Any]:
    """The answers by question; what cannot be read stays text, and the hub says what is wrong with it."""
    kinds = {question.id: question for question in questions}
    return {name: typed(kinds[name], text) if name in kinds else text for name, text in given.items()}


def typed(question: Question, text: str) -> Any:
    """The text as an answer to the question."""
    read = _READ.get(question.type)
    try:
        return read(text) if read else text
    except (KeyError, ValueError):
        return text


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return float(text)


_READ: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "number": _number,
    "boolean": lambda text: WORDS[text.strip().lower()],
    "multi_select": lambda text: [part.strip() for part in text.split(",") if part.strip()],
    "select": str.strip,
    "date": str.strip,
}
