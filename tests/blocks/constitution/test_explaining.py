"""Explanations: which part of a condition made the difference, and with which values."""

import pytest

from blocks.constitution.clauses import clauses_of
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.document import parse_constitution
from blocks.constitution.explaining import NearMiss, explain
from blocks.constitution.withheld import Withheld

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\ndefault: deny\n'


def constitution(*articles: str) -> Constitution:
    lines = [
        f"  - {{id: A-{number}, title: t, stages: [tool.call], reason: r, {article}}}"
        for number, article in enumerate(articles)
    ]
    return parse_constitution(HEAD + "articles:\n" + "\n".join(lines), "c.yaml")


def asked(name: str = "mail.send", **arguments: object) -> Action:
    return Action(stage="tool.call", name=name, facts={"tool": {"name": name, "arguments": arguments}})


def nearest(given: Constitution, action: Action) -> NearMiss:
    return explain(given, action).almost[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a", ["a"]),
        ("a && b && c", ["a", "b", "c"]),
        ("(a && b) && (c || d)", ["a", "b", "c || d"]),
        ("((a && b))", ["a", "b"]),
        ("a && b || c", ["a && b || c"]),
        ("(a) && (b)", ["a", "b"]),
        ("a ? b && c : d", ["a ? b && c : d"]),
        ("f(a && b) && l.exists(x, x && y)", ["f(a && b)", "l.exists(x, x && y)"]),
        ("'&&' == a // && x\n && b", ["'&&' == a", "b"]),
        ("a && !(b && c)", ["a", "!(b && c)"]),
    ],
)
def test_a_condition_is_cut_where_all_must_hold(source, expected):
    """Only a `&&` that joins the whole condition, or a whole part of it, cuts."""
    assert list(clauses_of(source)) == expected


def test_the_part_that_was_false_is_shown_with_its_values():
    """The reader sees the clause, what it read, and how near the article was."""
    given = constitution(
        "verdict: deny, when: \"tool.name == 'mail.send' && tool.arguments.count > 10 "
        '&& has(tool.arguments.to)"'
    )

    miss = nearest(given, asked(count=3, to="x"))

    assert (miss.article, miss.verdict, miss.problem) == ("A-0", "deny", "")
    assert miss.clause == "tool.arguments.count > 10"
    assert miss.values == {"tool.arguments.count": "3"}
    assert (miss.others_held, miss.others) == (2, 2)


def test_a_permission_that_could_not_be_evaluated_says_why():
    """An unreadable part has its problem, and the missing value is called so."""
    miss = nearest(constitution("verdict: allow, when: tool.arguments.count > 10"), asked())

    assert miss.problem == "tool.arguments.count is not given"
    assert miss.values == {"tool.arguments.count": "(not given)"}


def test_answers_of_functions_are_values_too():
    """What a detector answered stands beside what it was asked about."""
    given = constitution("verdict: deny, when: has_secret(tool.arguments.text)")

    assert nearest(given, asked(text="nothing")).values == {
        "tool.arguments.text": "nothing",
        "has_secret(tool.arguments.text)": "False",
    }


def test_values_are_masked_and_cut():
    """A secret, a long text and a withheld fact are not quoted."""
    given = constitution(
        "verdict: deny, when: \"tool.arguments.a == 'x' || tool.arguments.b == 'x'\"",
        "verdict: allow, when: \"tool.arguments.c == 'x'\"",
    )
    found = explain(
        given, asked(a="AKIAIOSFODNN7EXAMPLE", b="y" * 500, c=Withheld.of("something of a person"))
    ).almost
    values = {path: value for miss in found for path, value in miss.values.items()}

    assert values["tool.arguments.a"] == "[redacted]"
    assert len(values["tool.arguments.b"]) == 203
    assert values["tool.arguments.c"] == "(withheld)"


def test_the_nearest_comes_first():
    """An article of which one part failed stands before one of which two did."""
    given = constitution(
        "verdict: deny, when: \"tool.name == 'x' && tool.arguments.count > 10\"",
        "verdict: deny, when: \"tool.name == 'mail.send' && tool.arguments.count > 10\"",
        "verdict: deny, actions: ['other.*'], when: tool.arguments.count > 10",
        "verdict: warn, when: tool.arguments.count < 10",
    )

    found = explain(given, asked(count=3))

    assert [miss.article for miss in found.almost] == ["A-1", "A-0"]
    assert [item.article for item in found.matched] == ["A-3"]


@pytest.mark.parametrize(
    "facts", [{}, {"tool": 5}, {"tool": {"name": object(), "arguments": {"count": "\ud800"}}}]
)
def test_an_explanation_never_fails(facts):
    """Whatever the facts are, there is an explanation, and it says what `decide` says."""
    given = constitution("verdict: allow, when: \"tool.arguments.count > 1 && tool.name.like('m*')\"")
    action = Action(stage="tool.call", name="mail.send", facts=facts)

    found = explain(given, action)

    assert found.decision.verdict == given.decide(action).verdict == "deny"
    assert [miss.article for miss in found.almost] == ["A-0"]
