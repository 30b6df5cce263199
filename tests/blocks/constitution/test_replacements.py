"""Articles that replace arguments, and what an article about limits is."""

from typing import Any

import pytest

from blocks.constitution.decisions import Decision, Determination
from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.replacements import CannotReplace, replacements_in, with_replaced
from blocks.constitution.signatures import Signatures
from blocks.constitution.types import DYN, STRING, map_of

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: t, version: "1.0.0"}\ndefault: allow\n'
SIGNATURES = Signatures(
    actions={"model.request": {"model.answer": {"model": STRING, "options": map_of(DYN)}}}
)


def article(**changes: Any) -> str:
    given = {
        "stages": "[model.request]",
        "actions": "[model.answer]",
        "verdict": "redact",
        "replace": "{model: small}",
    }
    written = ", ".join(f"{name}: {value}" for name, value in {**given, **changes}.items())
    return f"{HEAD}articles:\n  - {{id: R, title: t, reason: r, {written}}}\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replace": "{modell: small}"}, "no argument 'modell'; did you mean 'model'?"),
        ({"replace": "{model: 3}"}, "the argument 'model' is a string, not 3"),
        ({"replace": "{options..size: 3}"}, "is no path of an argument"),
        ({"verdict": "deny"}, "only the verdict 'redact' replaces arguments"),
        ({"stages": "[model.request, notification]"}, "not at notification"),
    ],
)
def test_a_replacement_that_cannot_be_made_is_found_at_load(changes, message):
    """An argument that the action does not have, of another type, or where nothing is replaced."""
    with pytest.raises(ConstitutionInvalid) as caught:
        parse_constitution(article(**changes), "t.yaml", SIGNATURES)
    assert message in caught.value.message


@pytest.mark.parametrize("replace", ["{model: small}", "{options.size: 3, model: small}"])
def test_a_replacement_of_known_arguments_is_valid(replace):
    """The name of an argument, or the path of a field in it."""
    (found,) = parse_constitution(article(replace=replace), "t.yaml", SIGNATURES).articles
    assert found.replace["model"] == "small"


def test_two_articles_that_replace_differently_are_no_duplicates():
    """They decide different things under the same condition."""
    second = "  - {id: S, title: t, reason: r, stages: [model.request], actions: [model.answer], "
    text = article() + second + "verdict: redact, replace: {options.size: 1}}\n"
    assert len(parse_constitution(text, "t.yaml").articles) == 2


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("size(budget.over) > 0", True),
        ("'node.tokens' in budget.over", True),
        ("budget.over.exists(limit, limit.startsWith('tenant'))", True),
        ("has(budget.tokens_left) && budget.tokens_left < 5.0", False),
        ("task.name == 'budget.over'", False),
    ],
)
def test_an_article_about_limits_is_one_that_asks_for_them(when, expected):
    """Whoever reads `budget.over`, in whatever way, says what happens at a limit."""
    (found,) = parse_constitution(article(when=f'"{when}"'), "t.yaml").articles
    assert found.at_limit is expected


def test_arguments_are_replaced_at_their_places_and_nowhere_else():
    """The given arguments stay as they were; a place that is not there is an error."""
    given = {"model": "large", "options": {"size": 9, "tone": "dry"}}
    assert with_replaced(given, {"options.size": 1}) == {
        "model": "large",
        "options": {"size": 1, "tone": "dry"},
    }
    assert given["options"] == {"size": 9, "tone": "dry"}
    for path in ("absent", "options.absent", "model.size"):
        with pytest.raises(CannotReplace):
            with_replaced(given, {path: 1})


def test_the_first_article_has_the_word_on_an_argument():
    """Where two replace the same argument, the deciding one counts."""
    found = [
        Determination(article=name, verdict="redact", reason="r", replace={"model": name, name: 1})
        for name in ("a", "b")
    ]
    decision = Decision(
        id="d", verdict="redact", stage="task", action="t", articles=tuple(found), constitution="", at=None
    )  # type: ignore[arg-type]  # when it was plays no part
    assert replacements_in(decision) == {"model": "a", "a": 1, "b": 1}
