"""What is checked of a blueprint's questions and rules when it is read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blocks.constitution.closeness import closest
from capsules.questionnaire import parse_over, word

if TYPE_CHECKING:
    from capsules.blueprint import Blueprint

Place = tuple[int | str, ...]


def question_problems(blueprint: "Blueprint") -> Iterator[tuple[Place, str]]:
    """Where in the document what is wrong: names, the order of steps, conditions and rules."""
    problems = [*_names(blueprint), *_steps(blueprint)]
    yield from problems or (*_conditions(blueprint), *_rules(blueprint))


def _names(blueprint: "Blueprint") -> Iterator[tuple[Place, str]]:
    seen: dict[str, str] = {}
    for index, question in enumerate(blueprint.questions):
        if (before := seen.setdefault(word(question.id), question.id)) is not question.id:
            what = "twice" if before == question.id else f"like {before!r}, as conditions write it"
            yield ("questions", index, "id"), f"a question is named so {what}"


def _steps(blueprint: "Blueprint") -> Iterator[tuple[Place, str]]:
    left: set[str] = set()
    here: str | None = None
    for index, question in enumerate(blueprint.questions):
        if question.step in left:
            yield (
                ("questions", index, "step"),
                f"the questions of the step {question.step!r} do not follow one another; move this one up",
            )
        elif question.step != here:
            left |= {here} if here is not None else set()
            here = question.step


def _conditions(blueprint: "Blueprint") -> Iterator[tuple[Place, str]]:
    for index, question in enumerate(blueprint.questions):
        if question.condition is not None:
            try:
                parse_over(question.condition, blueprint.questions[:index])
            except ValueError as error:
                yield ("questions", index, "condition"), str(error)


def _rules(blueprint: "Blueprint") -> Iterator[tuple[Place, str]]:
    names = {question.id for question in blueprint.questions}
    for index, rule in enumerate(blueprint.rules):
        if rule.question is not None and rule.question not in names:
            yield (
                ("rules", index, "question"),
                f"there is no question {rule.question!r}{closest(rule.question, names)}",
            )
        try:
            parse_over(rule.check, blueprint.questions)
        except ValueError as error:
            yield ("rules", index, "check"), str(error)
