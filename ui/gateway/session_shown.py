"""A session as people see it: its questions with the answers so far, and what is still in the way."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from blocks.errors import NotFound, SomaError
from blocks.records.session_tables import WizardSession
from capsules.blueprint import Blueprint, get_blueprint
from capsules.question import Question
from ui.wire_intake import AskedQuestion, Match, Problem, Session, SessionDetail, Step

LONGEST_TITLE = 80


def listed(row: WizardSession) -> Session:
    """The session without its questions."""
    return Session.model_validate({**row.model_dump(), "title": title_of(row)})


def detailed(row: WizardSession) -> SessionDetail:
    """The session with its questions."""
    steps: list[Step] = []
    try:
        blueprint = blueprint_of(row)
        steps, problems = _steps(row, blueprint), list(problems_of(row, blueprint))
    except SomaError as error:  # no blueprint yet, or one that was removed or changed for the worse
        problems = [Problem(question=None, message=error.message)]
    return SessionDetail(
        **listed(row).model_dump(),
        step=row.step,
        steps=steps,
        matches=[Match.model_validate(item) for item in row.matches],
        problems=problems,
    )


def blueprint_of(row: WizardSession) -> Blueprint:
    """The session's blueprint, or why there is none."""
    if row.blueprint is None:
        raise NotFound("pick a blueprint first: none fits the request well enough to be picked unasked")
    return get_blueprint(row.blueprint)


def given(row: WizardSession) -> dict[str, Any]:
    """What was answered, by question."""
    return {name: item["value"] for name, item in row.answers.items() if item["value"] is not None}


def effective(row: WizardSession, blueprint: Blueprint) -> dict[str, Any]:
    """The answers that count: those to questions that are asked; others are kept for when they are."""
    answers = {question.id: given(row).get(question.id) for question in blueprint.questions}
    asked = blueprint.fill_in(answers).asked
    return {name: value for name, value in answers.items() if name in asked and value is not None}


def problems_of(row: WizardSession, blueprint: Blueprint) -> Iterator[Problem]:
    """What keeps the session from being launched, guesses that nobody has confirmed among it."""
    filled = blueprint.fill_in(effective(row, blueprint))
    for item in filled.problems:
        yield Problem(question=item.question, message=item.message)
    for name in row.guesses:
        if name in filled.asked:
            yield Problem(question=name, message="was found in your request; confirm or change it")


def title_of(row: WizardSession) -> str:
    """What the session is called."""
    if row.title:
        return row.title
    first = " ".join(row.request.split())
    if first:
        return first if len(first) <= LONGEST_TITLE else f"{first[: LONGEST_TITLE - 1]}…"
    try:
        return blueprint_of(row).title
    except SomaError:
        return row.blueprint or "A new project"


def _steps(row: WizardSession, blueprint: Blueprint) -> list[Step]:
    answers = given(row)
    asked = blueprint.fill_in(effective(row, blueprint)).asked
    return [
        Step(title=title, questions=[_shown(item, answers, asked, row.guesses) for item in questions])
        for title, questions in groupby(blueprint.questions, key=lambda question: question.step)
    ]


def _shown(
    question: Question, answers: Mapping[str, Any], asked: frozenset[str], guesses: Mapping[str, str]
) -> AskedQuestion:
    said = question.model_dump(mode="json")
    return AskedQuestion.model_validate(
        {
            **said,
            "asked": question.id in asked,
            "answer": answers.get(question.id),
            "guessed": guesses.get(question.id),
        }
    )
