"""What a typed request says already about a blueprint's questions: found by rules, for people to confirm."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capsules.blueprint import Blueprint
from capsules.fitting import fitted
from capsules.question import Question

URL = re.compile(r"(?:https?|ssh|git)://[^\s<>\"'`]+|\b[\w.-]+@[\w.-]+:[\w./~-]+")
PATH = re.compile(r"(?<![\w:/.~])(?:~|\.{1,2})?/[\w.@+~/-]*[\w@+~-]")
DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
NUMBER = re.compile(r"(?<![\w.,-])-?\d+(?:\.\d+)?(?![\w-]|[.,]\d)")
AROUND = 30
"""Characters before and after a number in which the question's own word is looked for."""
LEAST = 3
"""Letters of a word that tells what a number is about."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """An answer that stands in the request, and the words it was taken from."""

    question: str
    answer: Any
    words: str


def guess(blueprint: Blueprint, request: str) -> list[Found]:
    """What can be filled in, in the order of the questions; each fits its question, none is certain."""
    numeric = [question for question in blueprint.questions if question.type in {"number", "integer"}]
    found: list[Found] = []
    for question in blueprint.questions:
        candidates = _candidates(question, request, lone=numeric == [question])
        fitting = (item for item in candidates if _fits(question, item[0]))
        if (first := next(fitting, None)) is not None:
            answer = fitted(question, first[0])
            found.append(Found(question=question.id, answer=answer, words=first[1]))
    return _asked(blueprint, found)


def _fits(question: Question, answer: Any) -> bool:
    try:
        fitted(question, answer)
    except ValueError:
        return False
    return True


def _asked(blueprint: Blueprint, found: Sequence[Found]) -> list[Found]:
    """Those whose questions are asked when all of them are right."""
    asked = blueprint.fill_in({item.question: item.answer for item in found}).asked
    return [item for item in found if item.question in asked]


def _candidates(question: Question, request: str, *, lone: bool) -> Iterator[tuple[Any, str]]:
    if question.type in {"text", "long_text"}:
        look = _PLACES.get(question.guess or "")
        yield from look(request) if look else ()
    elif question.type in {"number", "integer"}:
        yield from _numbers(question, request, lone=lone)
    elif question.type == "date":
        days = DAY.findall(request)
        yield from [(days[0], days[0])] if len(set(days)) == 1 else []
    elif question.options:
        yield from _choices(question, request)


def _urls(request: str) -> Iterator[tuple[str, str]]:
    for match in URL.finditer(request):
        words = match[0].rstrip(".,;:!?)]}")
        yield words, words


def _paths(request: str) -> Iterator[tuple[str, str]]:
    for match in PATH.finditer(URL.sub(" ", request)):
        yield match[0], match[0]


def _repositories(request: str) -> Iterator[tuple[str, str]]:
    yield from _urls(request)
    yield from _paths(request)


def _whole(request: str) -> Iterator[tuple[str, str]]:
    yield request.strip(), request.strip()


_PLACES: Mapping[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "repository": _repositories,
    "url": _urls,
    "path": _paths,
    "text": _whole,
}


def _numbers(question: Question, request: str, *, lone: bool) -> Iterator[tuple[float, str]]:
    """A number beside a word of the question's id; the only number for the only such question."""
    text = DAY.sub(" ", _prose(request))
    numbers = list(NUMBER.finditer(text))
    telling = [part for part in re.split(r"[-_]", question.id) if len(part) >= LEAST]
    for match in numbers:
        around = text[max(0, match.start() - AROUND) : match.end() + AROUND].lower()
        if any(re.search(rf"\b{re.escape(part.rstrip('s'))}", around) for part in telling):
            yield _number(match[0]), match[0]
    if lone and len(numbers) == 1:
        yield _number(numbers[0][0]), numbers[0][0]


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _choices(question: Question, request: str) -> Iterator[tuple[Any, str]]:
    """The options that are named: all of them for several choices, exactly one for a single one."""
    text = _prose(request)
    named = [
        option
        for option in question.options
        if any(_says(text, word) for word in {option.value, option.label})
    ]
    if question.type == "multi_select" and named:
        yield [option.value for option in named], ", ".join(option.label for option in named)
    elif len(named) == 1:
        yield named[0].value, named[0].label


def _prose(request: str) -> str:
    """The request without its addresses and paths, whose parts are no words."""
    return PATH.sub(" ", URL.sub(" ", request))


def _says(request: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", request, re.IGNORECASE) is not None
