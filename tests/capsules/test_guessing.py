"""What a typed request answers already, and which blueprint it is about."""

from pathlib import Path
from typing import Any

import pytest

from blocks.memory.embedding import minilm
from capsules.blueprint import Blueprint, get_blueprint
from capsules.blueprint_checks import read_document
from capsules.choosing import Chooser
from capsules.guessing import guess

SURVEY_WELL = (Path(__file__).parents[1] / "blueprints" / "survey_well.yaml").read_text()
BAKERY = """apiVersion: soma/v1
kind: Blueprint
name: bake-bread
version: 1.0.0
title: Bake bread
summary: Plans dough, oven and flour for the loaves of a bakery.
examples: [bake forty rye loaves for tomorrow morning]
questions: [{id: loaves, text: "How many loaves?", type: integer}]
nodes: [{id: survey, capsule: survey, title: Survey, inputs: {source: x, workspace: y}}]
"""


def blueprint(text: str = SURVEY_WELL) -> Blueprint:
    return read_document(text, "x.yaml", Blueprint)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("survey https://example.com/a/b.git, please", {"repository": "https://example.com/a/b.git"}),
        ("survey git@example.com:a/b.git", {"repository": "git@example.com:a/b.git"}),
        ("what is in ~/code/thing?", {"repository": "~/code/thing"}),
        ("a thorough look at (/srv/x)", {"repository": "/srv/x", "depth": "deep"}),
        ("a deep look, the last 7 days", {"depth": "deep", "days": 7}),
        ("the last 7 days", {}),  # the days are asked only of a deep look
        ("quick or deep?", {}),
        ("with a budget of 12.5 until 2031-05-01", {"budget": 12.5, "until": "2031-05-01"}),
        ("until 2031-05-01 or 2031-06-01", {}),
        ("until 2020-05-01", {}),
        ("the code and the docs", {"sides": ["code", "docs"]}),
        ("decode it", {}),
        ("https://me:geheim@example.com/x", {}),
        ("and/or either/or", {}),
    ],
)
def test_places_numbers_days_and_choices_are_found(request_: str, expected: dict[str, Any]) -> None:
    """Only what fits its question and is not ambiguous is taken, with the words it was taken from."""
    found = guess(blueprint(), request_)

    assert {item.question: item.answer for item in found} == expected
    assert all(item.words for item in found)


def test_a_lone_number_answers_the_lone_question_for_one() -> None:
    """Two numbers could be either, so neither is taken."""
    assert [item.answer for item in guess(blueprint(BAKERY), "40 of them")] == [40]
    assert guess(blueprint(BAKERY), "40 of them by 6") == []
    assert [item.answer for item in guess(blueprint(BAKERY), "by 6, 40 loaves")][:1] != []


def test_a_request_is_compared_by_meaning() -> None:
    """The likeliest comes first, it alone may fit, and what no blueprint is about fits none."""
    known = [get_blueprint("repository-audit"), blueprint(BAKERY)]
    chooser = Chooser(minilm())

    audit = chooser.choose("check our source code for vulnerabilities and bad dependencies", known)
    bread = chooser.choose("we need sourdough for breakfast", known)
    strange = chooser.choose("book a flight to Lisbon", known)

    assert (audit[0].blueprint.name, audit[0].fits, audit[1].fits) == ("repository-audit", True, False)
    assert (bread[0].blueprint.name, bread[0].fits) == ("bake-bread", True)
    assert not any(item.fits for item in strange)
    assert chooser.choose("anything", []) == []
