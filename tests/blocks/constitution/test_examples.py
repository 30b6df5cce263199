"""Examples: they set the stage, and a wrong one says what it expected, what it got and why."""

import pytest

from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.examples import check_examples, completed

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\ndefault: allow\n'
ASK = "verdict: approve, approve: {who: ['role:boss'], quorum: 2, expires: 24h, requester: false}"


def checked(article: str, example: str, more: str = "") -> list[str]:
    text = HEAD + (
        f"articles:\n  - {{id: A, title: t, stages: [tool.call], reason: 'no {{tool.name}}', {article},\n"
        f"     tests: [{{action: x, {example}}}]}}\n{more}"
    )
    return check_examples(parse_constitution(text, "c.yaml"))


FACTS = "facts: {tool: {name: x, arguments: {n: 5}}"


def test_an_example_may_set_what_happened_before():
    """Counts, ages, refusals and labels of earlier actions."""
    article = (
        "verdict: deny, when: \"history.count_within('tool.call', 'y', duration('1m')) >= 1 "
        "&& history.refused('tool.call', '*') >= 1 && history.saw('web_content')\""
    )
    past = "[{stage: tool.call, action: y, ago_seconds: 5, labels: [web_content]}, %s]"
    refused = "{stage: tool.call, action: z, verdict: deny}"

    assert checked(article, FACTS + f", history: {past % refused}}}, verdict: deny") == []
    assert checked(article, FACTS + f", history: {past[:-5]}]}}, verdict: allow") == []
    assert checked(article, FACTS + "}, verdict: allow") == []


def test_an_example_may_set_where_values_come_from():
    """The labels of all arguments are those of each, unless they are given."""
    article = "verdict: deny, when: \"'web_content' in data.labels && 'text' in data.arguments.n\""

    assert checked(article, FACTS + ", data: {arguments: {n: [web_content, text]}}}, verdict: deny") == []
    assert checked(article, FACTS + ", data: {arguments: {n: [text]}}}, verdict: allow") == []
    assert completed("tool.call", "x", {"data": {"labels": ["a"]}}).facts["data"]["labels"] == ["a"]


def test_an_example_may_demand_terms():
    """Other terms than the article's are a problem that shows both."""
    assert checked(ASK, FACTS + "}, verdict: approve, approve: {who: ['role:boss'], quorum: 2, "
                   "expires: 1d, requester: false}") == []  # fmt: skip
    found = checked(ASK, FACTS + "}, verdict: approve, approve: {quorum: 3}")

    assert len(found) == 1
    assert found[0].startswith("A: tests[0] (tool.call x): expected the terms {'who': [], 'quorum': 3")
    assert "got {'who': ['role:boss'], 'quorum': 2, 'expires': 86400, 'requester': False}" in found[0]


def test_a_wrong_verdict_is_shown_with_the_reasons():
    """What was expected, what came, and by which article."""
    assert checked("verdict: deny", FACTS + "}, verdict: allow") == [
        "A: tests[0] (tool.call x): expected allow, got deny (A: no x)"
    ]


def test_a_verdict_that_another_article_gave_proves_nothing():
    """The article itself must match."""
    more = "  - {id: B, title: t, stages: [tool.call], reason: r, verdict: deny, when: tool.name == 'x'}\n"
    found = checked("verdict: deny, when: tool.name == 'y'", FACTS + "}, verdict: deny", more)

    assert found == ["A: tests[0] (tool.call x): got deny, but not by this article: B"]


def test_a_verdict_by_failure_proves_nothing():
    """A restriction denies when it cannot be evaluated; an example must not pass by that."""
    found = checked("verdict: deny, when: tool.arguments.m > 3", FACTS + "}, verdict: deny")

    assert len(found) == 1
    assert "proves nothing: the article could not be evaluated: tool.arguments.m is not given" in found[0]


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (
            "facts: {tol: {}}, verdict: deny",
            "facts.tol: no variable 'tol' at tool.call; did you mean 'tool'?",
        ),
        ("facts: {tool: {nme: x}}, verdict: deny", "facts.tool.nme: no field 'nme' in `tool`; did you mean"),
        ("facts: {tool: 5}, verdict: deny", "facts.tool: `tool` has fields; write a mapping"),
        (
            "facts: {history: [{stage: x, action: y}]}, verdict: deny",
            "facts.history[0].stage: input should be",
        ),
        ("facts: {history: [{action: y}]}, verdict: deny", "facts.history[0].stage: field required"),
        ("facts: {history: 5}, verdict: deny", "facts.history: input should be a valid list"),
        ("verdict: deny, approve: {quorum: 2}", "approve: 'deny' has no terms"),
    ],
)
def test_an_example_that_could_not_happen_does_not_load(example, problem):
    """A fact that the stage does not have would be ignored, and the example would prove nothing."""
    with pytest.raises(ConstitutionInvalid) as caught:
        checked("verdict: deny", example)

    assert any("articles[0].tests[0]." + problem in line for line in caught.value.problems)
