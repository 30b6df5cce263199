"""Whether a value answers a question, and what is wrong with it if not."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capsules.question import Question

CREDENTIALS = re.compile(r"\bhttps?://[^/\s@]+@|://[^/\s@:]*:[^/\s@]+@", re.IGNORECASE)
MOST_CHARACTERS = {"text": 2_000, "long_text": 50_000}
EXACT = 2**53 - 1
"""JSON's integers end here."""


def fitted(question: "Question", value: Any) -> Any:
    """The value as an answer to the question, or a `ValueError` that says what is wrong with it."""
    if value is None or value in ("", []):  # a list cannot be hashed
        if question.required:
            raise ValueError(f"is missing: {question.text}")
        return value
    return _FITTED[question.type](question, value)


def _text(question: "Question", value: Any) -> str:
    text: str = _of_type(value, str, "a text")
    most = MOST_CHARACTERS[question.type]
    if CREDENTIALS.search(text):
        raise ValueError(
            "holds a password, which would be recorded; leave it out and give the hub's user an SSH key "
            "or a git credential helper"
        )
    if "\0" in text or len(text) > most:
        raise ValueError(f"must have at most {most:,} characters, and no NUL among them")
    _bound(question, len(text), "have", " characters")
    return text


def _number(question: "Question", value: Any) -> float:
    number: float = _of_type(value, (int, float), "a number")
    if not math.isfinite(number) or abs(number) > EXACT:
        raise ValueError(f"must be a number between {-EXACT} and {EXACT}")
    _bound(question, number, "be", "")
    return number


def _integer(question: "Question", value: Any) -> int:
    number = _number(question, value)
    if number != int(number):
        raise ValueError("must be a whole number")
    return int(number)


def _boolean(_: "Question", value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_kind(value)}")  # noqa: TRY004  # told as the others
    return value


def _choice(question: "Question", value: Any) -> str:
    if value not in question.values:
        raise ValueError(f"must be one of {', '.join(question.values)}, not {_shown(value)}")
    return str(value)


def _choices(question: "Question", value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of choices, not {_kind(value)}")  # noqa: TRY004  # told as the others
    chosen = [_choice(question, item) for item in value]
    if len(set(chosen)) != len(chosen):
        raise ValueError("names a choice twice")
    _bound(question, len(chosen), "have", " choices")
    return chosen


def _day(question: "Question", value: Any) -> str:
    text = value.isoformat() if type(value) is date else value
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError(f"must be a day such as 2030-01-31, not {_shown(value)}")
    _bound(question, day, "be", "")
    return day.isoformat()


_FITTED: Mapping[str, Callable[["Question", Any], Any]] = {
    "text": _text,
    "long_text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "select": _choice,
    "multi_select": _choices,
    "date": _day,
}


def _of_type(value: Any, kinds: Any, words: str) -> Any:
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"must be {words}, not {_kind(value)}")  # noqa: TRY004  # told as the others
    return value


def _bound(question: "Question", value: Any, verb: str, unit: str) -> None:
    if question.min is not None and value < question.min:
        raise ValueError(f"must {verb} at least {_plain(question.min)}{unit}")
    if question.max is not None and value > question.max:
        raise ValueError(f"must {verb} at most {_plain(question.max)}{unit}")


def _plain(bound: float | date) -> str:
    return bound.isoformat() if isinstance(bound, date) else f"{bound:,g}"


def _kind(value: Any) -> str:
    words = {str: "a text", bool: "true or false", list: "a list", dict: "a mapping"}
    return words.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:80]}…"
