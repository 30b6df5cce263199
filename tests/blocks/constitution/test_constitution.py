"""Deciding: precedence, closed failure, quoted reasons, examples, and the constitution that ships."""

from pathlib import Path

import pytest

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Decision
from blocks.constitution.document import load_constitution, parse_constitution
from blocks.constitution.examples import check_examples

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
SHIPPED = Path(__file__).parents[3] / "capsules" / "constitution.yaml"


def constitution(*articles: str, default: str = "deny") -> Constitution:
    lines = [f"  - {{title: t, stages: [tool.call], {article}}}" for article in articles]
    return parse_constitution(
        HEAD + f"default: {default}\narticles:\n" + "\n".join(lines or ["  []"]), "c.yaml"
    )


def decide(given: Constitution, name: str = "bandit.scan", **arguments: object) -> Decision:
    facts = {"tool": {"name": name, "arguments": arguments}, "task": {"name": name, "arguments": arguments}}
    return given.decide(Action(stage="tool.call", name=name, facts=facts))


ORDER = ["allow", "warn", "redact", "approve", "deny"]


@pytest.mark.parametrize("weaker", range(4))
def test_the_stricter_verdict_wins_and_all_that_match_are_reported(weaker):
    """The order is deny, approve, redact, warn, allow, whichever stands first in the document."""
    one, other = ORDER[weaker], ORDER[weaker + 1]
    texts = [f"id: A-{it}, verdict: {it}, reason: r, when: tool.name != ''" for it in (one, other)]
    for articles in (texts, texts[::-1]):
        decision = decide(constitution(*articles))

        assert decision.verdict == other
        assert [item.article for item in decision.articles] == [f"A-{other}", f"A-{one}"]


@pytest.mark.parametrize("default", ORDER)
def test_what_no_article_speaks_of_gets_the_default(default):
    """And a default that is no permission says why."""
    decision = decide(constitution(default=default))

    assert decision.verdict == default
    assert bool(decision.articles) is (default != "allow")


def test_an_article_speaks_of_its_stage_and_its_actions_only():
    """Globs fit whole names, and case matters."""
    given = constitution("id: A, actions: ['bandit.*', 'git.log'], verdict: allow, reason: r")

    allowed = [name for name in ("bandit.scan", "bandit.", "git.log", "git.logs", "xbandit.a", "Bandit.x")
               if decide(given, name).verdict == "allow"]  # fmt: skip
    assert allowed == ["bandit.scan", "bandit.", "git.log"]
    assert given.decide(Action(stage="task", name="bandit.scan", facts={})).verdict == "deny"


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("deny", "deny"), ("approve", "deny"), ("redact", "deny"), ("warn", "warn"), ("allow", "allow")],
)
def test_a_condition_that_cannot_be_evaluated_fails_closed(verdict, expected):
    """A restriction that cannot be asked denies; a permission that cannot be asked is none."""
    given = constitution(f"id: A, verdict: {verdict}, reason: r, when: tool.arguments.x > 3", default="allow")

    decision = decide(given)

    assert decision.verdict == expected
    assert all(
        "could not be evaluated: tool.arguments.x is not given" in item.reason for item in decision.articles
    )


def test_a_permission_that_cannot_be_evaluated_is_named_in_the_refusal():
    """The reader learns which article did not help, and why."""
    decision = decide(constitution("id: A-7, verdict: allow, reason: r, when: tool.arguments.x > 3"))

    assert decision.verdict == "deny"
    assert "article A-7 could not be evaluated: tool.arguments.x is not given" in decision.articles[0].reason


@pytest.mark.parametrize(
    "facts", [{}, {"tool": None}, {"tool": 5}, {"tool": {"name": object(), "arguments": []}}]
)
def test_facts_that_cannot_be_read_deny(facts):
    """Whatever the facts are, the answer is a decision."""
    given = constitution(
        "id: A, verdict: deny, reason: '{tool.name}', when: tool.name == 'x'", default="allow"
    )

    assert given.decide(Action(stage="tool.call", name="x", facts=facts)).verdict == "deny"


def test_a_reason_quotes_values_but_no_secrets():
    """A quoted value is short, and what looks like a secret in it is masked."""
    given = constitution("id: A, verdict: deny, reason: 'no {tool.arguments.text} and {tool.arguments.gone}'")

    reason = decide(given, text="AKIAIOSFODNN7EXAMPLE " + "x" * 500).articles[0].reason

    assert reason.startswith("no [redacted] xxx")
    assert reason.endswith("x... and (not given)")
    assert len(reason) < 250


def test_an_unreadable_name_does_not_break_the_decision():
    """Text that is no valid Unicode is shown escaped."""
    given = constitution(
        "id: A, verdict: deny, reason: 'no {tool.arguments.path}', when: has(tool.arguments.path)"
    )

    assert decide(given, path="a\udcff").articles[0].reason == "no a\\udcff"


def test_the_index_of_actions_is_bounded():
    """Action names that come from outside cannot fill the memory."""
    given = constitution("id: A, verdict: allow, reason: r")
    for number in range(10_000):
        decide(given, f"tool-{number}")

    assert len(given._chapters) <= 4096


def test_decisions_have_ids_of_their_own():
    """Ids do not repeat."""
    given = constitution("id: A, verdict: allow, reason: r")

    assert len({decide(given).id for _ in range(1000)}) == 1000


def test_examples_that_do_not_hold_are_named():
    """An article's wrong example says what it got and by which article."""
    given = constitution(
        "id: A, verdict: deny, reason: r, when: tool.arguments.n > 3, tests: ["
        "{action: x, facts: {tool: {name: x, arguments: {n: 5}}}, verdict: deny},"
        "{action: x, facts: {tool: {name: x, arguments: {n: 2}}}, verdict: deny},"
        "{action: x, facts: {tool: {name: x, arguments: {n: 5}}}, verdict: allow}]",
        default="allow",
    )

    assert check_examples(given) == [
        "A: tests[1] (tool.call x): expected deny, got allow ()",
        "A: tests[2] (tool.call x): expected allow, got deny (A: r)",
    ]


def test_an_example_must_be_decided_by_its_own_article():
    """A verdict that another article gives does not prove this one."""
    given = constitution(
        "id: A, verdict: deny, reason: r",
        "id: B, verdict: deny, reason: r, when: tool.name == 'y', tests: [{action: x, verdict: deny, "
        "facts: {tool: {name: x, arguments: {}}}}]",
    )

    assert check_examples(given) == ["B: tests[0] (tool.call x): got deny, but not by this article: A"]


def test_the_constitution_that_ships_keeps_its_own_examples():
    """Every article of it has examples, and all hold."""
    shipped = load_constitution(SHIPPED)

    assert check_examples(shipped) == []
    assert [article["id"] for article in shipped.document["articles"] if not article.get("tests")] == []
    assert shipped.default == "deny"
