"""The questions of a blueprint as a whole: which are asked, which answers fit, and what does not hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from blocks.constitution.conditions import Condition, compile_condition, context_of
from blocks.constitution.inquiry import Inquiry
from blocks.constitution.lexer import ConditionError
from blocks.constitution.types import BOOL, DOUBLE, INT, STRING, Type, list_of
from blocks.constitution.values import MISSING, fact
from capsules.fitting import fitted
from capsules.question import Question, Rule

KINDS: Mapping[str, Type] = {
    "number": DOUBLE,
    "integer": INT,
    "boolean": BOOL,
    "multi_select": list_of(STRING),
}
"""What conditions see an answer as; texts, choices and days are strings, and days compare as such."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with the answers."""

    question: str | None
    message: str

    def __str__(self) -> str:
        return f"inputs.{self.question}: {self.message}" if self.question else self.message


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Answers held against their questions."""

    answers: dict[str, Any]
    """Every question's, with defaults where nothing was given; what does not fit is left out."""
    asked: frozenset[str]
    problems: tuple[Problem, ...]


def fill_in(questions: Sequence[Question], rules: Sequence[Rule], given: Mapping[str, Any]) -> Filled:
    """Go through the questions in their order; what is not a question is not looked at."""
    answers: dict[str, Any] = {}
    asked: set[str] = set()
    problems: list[Problem] = []
    for question in questions:
        value = given.get(question.id)
        try:
            if _is_asked(question, questions, answers):
                asked.add(question.id)
                answers[question.id] = fitted(question, question.default if value is None else value)
            else:
                _check_unasked(question, value)
                answers[question.id] = _fallback(question)
        except ValueError as error:
            problems.append(Problem(question=question.id, message=str(error)))
    left_out = {word(name) for name in asked & answers.keys() if answers[name] is None or answers[name] == ""}
    wrong = {word(item.id) for item in questions if item.id not in answers}
    broken = _broken(questions, rules, answers, left_out=left_out, wrong=wrong)
    return Filled(answers=answers, asked=frozenset(asked), problems=(*problems, *broken))


def word(question: str) -> str:
    """What conditions call the answer: `answers.my_question` for `my-question`."""
    return question.replace("-", "_")


def parse_over(source: str, questions: Sequence[Question]) -> Condition:
    """The condition over the answers to these questions, or a `ValueError` that says what is wrong."""
    return _parsed(source, tuple((word(item.id), item.type, tuple(item.values)) for item in questions))


@lru_cache(maxsize=512)
def _parsed(source: str, known: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Condition:
    if not known:
        raise ValueError("there is no question before it whose answer it could read")
    fields = tuple((name, KINDS.get(kind, STRING)) for name, kind, _ in known)
    try:
        condition = compile_condition(source, {"answers": Type("answers", fields=fields)})
    except ConditionError as error:
        place = f" at character {error.position + 1}" if error.position else ""
        raise ValueError(f"{source!r}{place}: {error.message}") from None
    offered = {("answers", name): set(values) for name, _, values in known if values}
    for reading in condition.readings:
        for _, words in reading.tests:
            if reading.fact.path in offered and (strange := words - offered[reading.fact.path]):
                raise ValueError(f"{source!r}: {reading} has no option {min(strange)!r}")
    return condition


def _is_asked(question: Question, questions: Sequence[Question], answers: Mapping[str, Any]) -> bool:
    if question.condition is None:
        return True
    before = questions[: [item.id for item in questions].index(question.id)]
    return bool(_holds(parse_over(question.condition, before), answers))


def _fallback(question: Question) -> Any:
    """The answer of whoever is not asked."""
    return None if question.default is None else fitted(question, question.default)


def _check_unasked(question: Question, value: Any) -> None:
    if value is not None and value != _fallback(question):
        raise ValueError(f"is not asked, because this does not hold: {question.condition}")


def _broken(
    questions: Sequence[Question],
    rules: Sequence[Rule],
    answers: Mapping[str, Any],
    *,
    left_out: set[str],
    wrong: set[str],
) -> Iterator[Problem]:
    """The rules that do not hold, those among them that need an answer which was left out.

    One that needs an answer which is wrong by itself is not told: mending that comes first.
    """
    for rule in rules:
        condition = parse_over(rule.check, questions)
        try:
            held = _holds(condition, answers)
        except ValueError as error:
            yield Problem(question=rule.question, message=str(error))
            continue
        missing = set() if held is not None else _missing(condition, _facts(answers))
        if held is False or (missing & left_out and not missing & wrong):
            yield Problem(question=rule.question, message=rule.message)


def _holds(condition: Condition, answers: Mapping[str, Any]) -> bool | None:
    """Whether it holds; None where it reads what was not answered, `ValueError` where nobody can say."""
    facts = _facts(answers)
    inquiry = Inquiry(facts)
    try:
        return condition.holds(context_of(condition, inquiry), inquiry)
    except ConditionError as error:
        if _missing(condition, facts):
            return None
        raise ValueError(f"{condition.source!r} has no answer: {error.message}") from None


def _facts(answers: Mapping[str, Any]) -> dict[str, Any]:
    known = {word(name): value for name, value in answers.items() if value is not None and value != ""}
    return {"answers": known}


def _missing(condition: Condition, facts: Mapping[str, Any]) -> set[str]:
    """The answers that it reads and that were not given."""
    read = [reading.fact for reading in condition.readings]
    read += [found for question in condition.questions for found in question.facts]
    return {item.path[1] for item in read if len(item.path) > 1 and fact(item.path, facts) is MISSING}
