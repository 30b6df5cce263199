"""Questions of blueprints: types, bounds, conditions, rules over several answers, and own blueprints."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as any_of

from blocks.errors import BadInput, NotFound
from capsules.blueprint import Blueprint, get_blueprint, list_blueprints
from capsules.blueprint_checks import read_document

SURVEY_WELL = (Path(__file__).parents[1] / "blueprints" / "survey_well.yaml").read_text()
GIVEN = {"repository": "/r"}
DEEP = {"repository": "/r", "depth": "deep", "days": 3, "budget": 2.5}


def survey_well(old: str = "", new: str = "") -> Blueprint:
    """A blueprint with questions of every sort, one piece of its text replaced."""
    assert old in SURVEY_WELL
    return read_document(SURVEY_WELL.replace(old, new) if old else SURVEY_WELL, "survey.yaml", Blueprint)


def problems(answers: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(item.question, item.message) for item in survey_well().fill_in(answers).problems]


def test_answers_are_completed_with_defaults() -> None:
    """What was not asked or left out has its default, and doing it again changes nothing."""
    complete = survey_well().complete(GIVEN)

    assert complete == {
        "repository": "/r",
        "depth": "quick",
        "days": None,
        "budget": None,
        "sides": ["code"],
        "until": None,
        "again": False,
    }
    assert survey_well().complete(complete) == complete


@pytest.mark.parametrize(
    ("answers", "question", "words"),
    [
        ({"days": 3}, "days", "is not asked, because this does not hold: answers.depth == 'deep'"),
        ({"depth": "deep", "budget": 1}, "days", "is missing: How many days back?"),
        ({"depth": "deeper"}, "depth", "must be one of quick, deep, not 'deeper'"),
        ({**DEEP, "days": 0}, "days", "must be at least 1"),
        ({**DEEP, "days": 31}, "days", "must be at most 30"),
        ({**DEEP, "days": 2.5}, "days", "must be a whole number"),
        ({**DEEP, "days": True}, "days", "must be a number, not true or false"),
        ({**DEEP, "days": "3"}, "days", "must be a number, not a text"),
        ({"budget": float("nan")}, "budget", "must be a number between"),
        ({"budget": -1}, "budget", "must be at least 0"),
        ({"sides": "code"}, "sides", "must be a list of choices, not a text"),
        ({"sides": ["code", "code"]}, "sides", "names a choice twice"),
        ({"sides": [["code"]]}, "sides", "must be one of code, tests, docs, not ['code']"),
        ({"until": "2031-02-30"}, "until", "must be a day such as 2030-01-31, not '2031-02-30'"),
        ({"until": "20310203"}, "until", "must be a day"),
        ({"until": "2029-12-31"}, "until", "must be at least 2030-01-01"),
        ({"again": "yes"}, "again", "must be true or false, not a text"),
        ({"again": 0}, "again", "must be true or false, not a number"),
        ({"colour": "red"}, "colour", "survey-well does not ask this"),
        ({**DEEP, "budget": 0}, "budget", "a thorough survey costs something"),
        ({"depth": "deep", "days": 3}, "budget", "a thorough survey costs something"),
        ({"sides": ["docs"]}, None, "documentation alone is not surveyed"),
    ],
)
def test_what_is_wrong_with_answers_is_told_with_its_question(
    answers: dict[str, Any], question: str | None, words: str
) -> None:
    """Types, bounds, conditions and rules; an answer that a rule needs may not be left out."""
    found = problems({**GIVEN, **answers})

    assert [name for name, _ in found] == [question]
    assert words in found[0][1]
    with pytest.raises(BadInput) as caught:
        survey_well().plan({**GIVEN, **answers})
    assert caught.value.fields["problems"] == [{"question": question, "message": found[0][1]}]


def test_answers_that_fit_lead_to_the_questions_behind_them() -> None:
    """A condition that holds asks its question, and whole numbers come as integers."""
    filled = survey_well().fill_in({**DEEP, "days": 3.0})

    assert not filled.problems
    assert "days" in filled.asked
    assert filled.answers["days"] == 3
    assert isinstance(filled.answers["days"], int)


@given(
    any_of.dictionaries(
        any_of.sampled_from(["repository", "depth", "days", "budget", "sides", "until", "again"]),
        any_of.recursive(
            any_of.none() | any_of.booleans() | any_of.integers() | any_of.floats() | any_of.text(),
            lambda inner: any_of.lists(inner) | any_of.dictionaries(any_of.text(), inner),
            max_leaves=4,
        ),
    )
)
def test_any_answers_are_taken_or_told_apart(answers: dict[str, Any]) -> None:
    """Whatever is answered, there is a plan or a problem, never another error; a plan's answers fit again."""
    blueprint = survey_well()
    filled = blueprint.fill_in(answers)

    if filled.problems:
        with pytest.raises(BadInput):
            blueprint.plan(answers)
    else:
        assert blueprint.complete(filled.answers) == filled.answers


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id: depth", "id: repository", "questions[1].id: a question is named so twice"),
        ("{id: repository, step: What,", "{id: repository, step: How,", "move this one up"),
        ("answers.depth == 'deep'", "answers.dept == 'deep'", "did you mean 'depth'?"),
        ("answers.depth == 'deep'", "answers.depth == 'deeep'", "answers.depth has no option 'deeep'"),
        ("answers.depth == 'deep'", "answers.budget > 1.0", "questions[2].condition"),
        ("answers.budget > 0", "answers.budget > 'much'", "rules[0].check"),
        ("question: budget", "question: bugdet", "no question 'bugdet'; did you mean 'budget'?"),
        ("default: quick", "default: quickly", "the default must be one of quick, deep"),
        ("min: 1\n    max: 30", "min: 30\n    max: 1", "`min` is more than `max`"),
        ("min: 2030-01-01", "min: 3", "are days such as 2030-01-31"),
        ("type: integer", "type: boolean", "a boolean has no `min` and `max`"),
        ("options: [code, tests, docs]", "options: [code, code]", "two options have the same value"),
        ("    options: [code, tests, docs]\n    default: [code]\n", "", "a select offers `options`"),
        ("guess: repository", "options: [a]", "a text has no options"),
        ("message: a thorough", "messsage: a thorough", "did you mean 'message'?"),
    ],
)
def test_wrong_questions_are_errors_of_the_file(old: str, new: str, words: str) -> None:
    """A misspelt name or option is told when the blueprint is read, not a condition that never holds."""
    with pytest.raises(BadInput) as caught:
        survey_well(old, new)

    assert words in caught.value.message
    assert caught.value.message.startswith("survey.yaml:")


def test_own_blueprints_lie_in_the_data_folder(lay_down) -> None:
    """They are found at once, read anew when they change, and a broken one says why and hides no other."""
    file = lay_down()
    assert get_blueprint("survey-well").title == "Survey a repository well"

    file.write_text(SURVEY_WELL.replace("a repository well", "it again"))
    os.utime(file, ns=(1, 1))
    assert get_blueprint("survey-well").title == "Survey it again"

    file.write_text(SURVEY_WELL.replace("capsule: survey", "capsule: servey"))
    os.utime(file, ns=(2, 2))
    assert [blueprint.name for blueprint in list_blueprints()].count("repository-audit") == 1
    with pytest.raises(BadInput, match="there is no capsule 'servey'"):
        get_blueprint("survey-well")


def test_an_own_blueprint_does_not_take_the_name_of_another(lay_down) -> None:
    """What the hub ships stays what it is."""
    lay_down(SURVEY_WELL.replace("name: survey-well", "name: repository-audit"), "mine")

    assert get_blueprint("repository-audit").title == "Audit a repository"
    with pytest.raises(BadInput, match="there is a blueprint 'repository-audit' already"):
        get_blueprint("mine")
    with pytest.raises(NotFound):
        get_blueprint("yours")
