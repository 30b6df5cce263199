"""What people change in a session: several tabs merge, the same answer from two does not."""

from collections.abc import Mapping
from typing import Any

from blocks.errors import BadInput, Conflict
from blocks.records.session_tables import WizardSession
from capsules.blueprint import Blueprint
from capsules.fitting import fitted
from capsules.question import Question
from ui.gateway.session_shown import blueprint_of, effective
from ui.wire_intake import Match


def answer(row: WizardSession, answers: Mapping[str, Any], *, version: int, step: str | None) -> None:
    """Take the answers, all or none: each fits its question, and nobody has answered otherwise since."""
    blueprint = blueprint_of(row)
    questions = {question.id: question for question in blueprint.questions}
    problems: list[dict[str, str]] = []
    taken: dict[str, Any] = {}
    for name, value in answers.items():
        try:
            taken[name] = _fitting(blueprint, questions.get(name), value)
        except ValueError as error:
            problems.append({"question": name, "message": str(error)})
    if problems:
        told = "; ".join(f"{item['question']}: {item['message']}" for item in problems)
        raise BadInput(told, problems=problems)
    _check_overlap(row, taken, version)
    _take(row, taken)
    _check_asked(row, blueprint, taken)
    row.step = step if step is not None else row.step


def pick(row: WizardSession, blueprint: Blueprint) -> None:
    """Go on with this blueprint: answers that fit its questions stay, what its request says is filled in."""
    questions = {question.id: question for question in blueprint.questions}
    kept = {
        name: item
        for name, item in row.answers.items()
        if name in questions and name not in row.guesses and _fits(questions[name], item["value"])
    }
    match = next((item for item in row.matches if item["blueprint"] == blueprint.name), None)
    row.answers, row.guesses = kept, {}
    row.blueprint, row.step = blueprint.name, None
    if match is not None:
        fill_in(row, Match.model_validate(match))


def fill_in(row: WizardSession, match: Match) -> None:
    """Take what was found in the request as answers that nobody has confirmed yet."""
    fresh = [item for item in match.guesses if item.question not in row.answers]
    version = row.version + 1
    row.answers = {**row.answers, **{g.question: {"value": g.answer, "version": version} for g in fresh}}
    row.guesses = {**row.guesses, **{g.question: g.because for g in fresh}}


def _fitting(blueprint: Blueprint, question: Question | None, value: Any) -> Any:
    if question is None:
        raise ValueError(f"{blueprint.name} does not ask this")
    return None if value is None or value in ("", []) else fitted(question, value)


def _fits(question: Question, value: Any) -> bool:
    try:
        fitted(question, value)
    except ValueError:
        return False
    return True


def _check_overlap(row: WizardSession, taken: Mapping[str, Any], version: int) -> None:
    """`Conflict` if one of these was answered otherwise after the version that was looked at."""
    for name, value in taken.items():
        there = row.answers.get(name)
        if there is not None and there["version"] > version and there["value"] != value:
            raise Conflict(
                f"{name!r} was answered otherwise meanwhile: {there['value']!r}",
                mend="look at the session again",
                question=name,
                theirs=there["value"],
                version=row.version,
            )


def _take(row: WizardSession, taken: Mapping[str, Any]) -> None:
    version = row.version + 1
    fresh = {name: {"value": value, "version": version} for name, value in taken.items()}
    row.answers = {**row.answers, **fresh}
    row.guesses = {name: because for name, because in row.guesses.items() if name not in taken}


def _check_asked(row: WizardSession, blueprint: Blueprint, taken: Mapping[str, Any]) -> None:
    """`BadInput` if one of these answers a question that is not asked."""
    asked = effective(row, blueprint)
    unasked = [name for name, value in taken.items() if value is not None and name not in asked]
    if unasked:
        problems = [{"question": name, "message": "is not asked after the other answers"} for name in unasked]
        raise BadInput(f"{', '.join(unasked)}: is not asked after the other answers", problems=problems)
