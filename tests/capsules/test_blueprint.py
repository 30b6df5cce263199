"""Blueprints are checked when they are read; lists can be answered line by line."""

import pytest

from blocks.errors import BadInput
from capsules.blueprint import Blueprint
from capsules.blueprint_checks import read_document

HEAD = """apiVersion: soma/v1
kind: Blueprint
name: many
version: 1.0.0
title: Many
summary: Surveys many repositories.
questions: [{id: sources, text: Which, type: long_text}]
nodes:
"""
SURVEY = """  - id: survey
    capsule: survey
    title: Survey
    each: {$answer: sources}
    inputs: {source: {$item: ""}, workspace: {$fact: workspace}}
"""


def read(nodes: str) -> Blueprint:
    return read_document(HEAD + nodes, "many.yaml", Blueprint)


def test_each_line_of_an_answer_is_an_item() -> None:
    """Empty lines are none; a map keeps the words that stand for its items."""
    plan = read(SURVEY).plan({"sources": "a\n\n b \n"})

    assert plan.node("survey").each == ["a", "b"]
    assert plan.node("survey").inputs["source"] == {"$item": ""}


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            SURVEY.replace("title", "titel"),
            "many.yaml:11: nodes[0].titel: there is no such field; did you mean",
        ),
        (SURVEY.replace("capsule: survey", "capsule: servey"), "many.yaml:10: nodes[0].capsule: there is no"),
        (SURVEY.replace("$answer: sources", "$answer: source"), "names no question 'source'; did you mean"),
        (SURVEY + "    when: results.x == 1\n", "many.yaml:9: nodes[0]: node 'survey' has a wrong condition"),
        (SURVEY + "    needs: [ghost]\n", "many.yaml:9: nodes[0]: node 'survey' needs ['ghost']"),
        (SURVEY + "    expand: steps\n", "many.yaml:14: nodes[0].expand: survey has no output 'steps'"),
        (SURVEY + "    tools: [hammer]\n", "nodes[0].tools: survey declares no tool 'hammer'"),
        (
            SURVEY + "    retry: {attempt: 2}\n",
            "many.yaml:14: nodes[0].retry.attempt: there is no such field",
        ),
        (
            SURVEY
            + "  - {id: then, capsule: survey, title: Then, needs: [survey], "
            + "inputs: {source: {$from: survey.itmes}, workspace: x}}\n",
            "many.yaml:14: nodes[1].inputs: survey has no output 'itmes'; did you mean 'items'?",
        ),
        (SURVEY + "\t- x", "many.yaml:14: is not YAML"),
    ],
)
def test_a_wrong_blueprint_is_told_where_and_what(nodes: str, words: str) -> None:
    """The line, the place, and the word that was likely meant."""
    with pytest.raises(BadInput) as caught:
        read(nodes)

    assert words in caught.value.message
