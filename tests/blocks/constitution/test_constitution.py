"""Deciding: precedence, closed failure, quoted reasons, examples, and the constitution that ships."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action, Decision
from blocks.constitution.document import ConstitutionInvalid, load_constitution, parse_constitution
from blocks.constitution.examples import check_examples
from blocks.constitution.withheld import Withheld

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


def test_answers_are_kept_and_asked_once():
    """The calls of the hub's own functions come with the decision, each under its source text."""
    given = constitution(
        "id: A, verdict: deny, reason: r, when: has_secret(tool.arguments) || size(tool.arguments.text) > 9",
        'id: B, verdict: warn, reason: r, when: "!has_secret(tool.arguments)"',
        "id: C, verdict: warn, reason: r, when: \"has(tool.arguments.x) && tool.name.like('b*')\"",
        default="allow",
    )

    assert decide(given, text="short").answers == {
        "has_secret(tool.arguments)": False,
        "size(tool.arguments.text)": 5,
    }
    assert "size(tool.arguments.text)" not in decide(given, text="AKIAIOSFODNN7EXAMPLE").answers
    assert decide(given, text="a", x=1).answers['like(tool.name, "b*")'] is True


def test_a_given_answer_is_taken_instead_of_asking():
    """A decision can be derived again from its answers where the facts are withheld."""
    given = constitution(
        "id: A, verdict: deny, reason: r, when: has_secret(tool.arguments.text)", default="allow"
    )
    facts = {"tool": {"arguments": {"text": Withheld.of("AKIAIOSFODNN7EXAMPLE")}}}
    action = Action(stage="tool.call", name="x", facts=facts)

    assert given.decide(action, {"has_secret(tool.arguments.text)": False}).verdict == "allow"
    assert given.decide(action, {"has_secret(tool.arguments.text)": True}).verdict == "deny"
    for answers in (
        None,
        {"has_secret(tool.arguments.text)": "no"},
        {"has_secret(tool.arguments.text)": None},
    ):
        decision = given.decide(action, answers)

        assert (decision.verdict, decision.unreadable) == ("deny", True)


@pytest.mark.parametrize(
    ("when", "verdict"),
    [
        ("tool.arguments.text == 'x'", "deny"),
        ("has(tool.arguments.text) && tool.name == 'y'", "allow"),
        ("has(tool.arguments.text.inner)", "deny"),
        ("has(tool.arguments.other)", "allow"),
        ("tool.arguments.exists(key, key == 'x')", "deny"),
        ("has_secret(tool.arguments)", "deny"),
        ("size(tool.arguments.text) > 5", "deny"),
        ("paths_outside(tool.arguments, '/')", "deny"),
        ("tool.name == 'y'", "allow"),
    ],
)
def test_what_is_withheld_cannot_be_judged(when, verdict):
    """A withheld value denies what reads it, also inside of a larger value; what does not read it goes on."""
    given = constitution(
        f'id: A, verdict: deny, reason: "{{tool.arguments.text}}", when: "{when}"', default="allow"
    )
    facts = {"tool": {"name": "x", "arguments": {"text": Withheld.of("hidden")}}}

    decision = given.decide(Action(stage="tool.call", name="x", facts=facts))

    assert (decision.verdict, decision.unreadable) == (verdict, verdict == "deny")
    assert "hidden" not in str(decision)


def test_a_bad_fact_spoils_only_the_articles_that_read_it():
    """An article about other facts is evaluated as ever."""
    given = constitution(
        "id: A, verdict: deny, reason: r, when: tool.name == 'x'",
        "id: B, verdict: warn, reason: r, when: tool.arguments.n > 1",
        "id: C, verdict: warn, reason: r, when: principal.name == 'ada'",
    )
    facts = {"tool": {"name": 5, "arguments": {"n": 2}}, "principal": {"name": "bob"}}

    found = given.decide(Action(stage="tool.call", name="x", facts=facts)).articles

    assert [(item.article, item.reason) for item in found] == [
        ("A", "could not be evaluated: the fact tool.name is a int, not a str"),
        ("B", "r"),
    ]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("listed(tool.name, tool.arguments.n)", "listed(tool.name, tool.arguments.n): a int is no list"),
        ("tool.arguments.all(k, listed(k, tool.arguments.n))", "listed() has no answer to what it is given"),
        ("tool.arguments.all(k, size(tool.arguments[k]) > 1)", "size() has no answer to what it is given"),
        ("tool.arguments.s.lower().upper() == 'X'", "tool.arguments.s is not given"),
        ("has_secret(tool.arguments.s)", "tool.arguments.s is not given"),
    ],
)
def test_a_function_that_cannot_answer_fails_closed_and_says_why(when, reason):
    """No exception reaches the engine, and none is printed."""
    given = constitution(f'id: A, verdict: deny, reason: r, when: "{when} && true"', default="allow")

    decision = decide(given, n=5)

    assert decision.verdict == "deny"
    assert reason in decision.articles[0].reason


def test_secrets_hide_nowhere():
    """Bytes, models with extra fields and keys that are no texts are looked into, or fail closed."""

    class Model(BaseModel):
        model_config = ConfigDict(extra="allow")

    given = constitution("id: A, verdict: deny, reason: r, when: has_secret(tool.arguments)", default="allow")
    secret = "AKIAIOSFODNN7EXAMPLE"
    deep: object = secret
    for _ in range(50):
        deep = [deep]

    for hidden in (secret.encode(), Model(extra=secret), {1: secret, "1": "x"}, {secret: 1}, {secret}, deep):
        assert decide(given, value=hidden).verdict == "deny"
    assert decide(given, value=b"nothing").verdict == "allow"


def test_many_articles_about_one_action_are_answered_as_one_by_one():
    """Groups of conditions, one of which cannot be evaluated, give each article its own answer."""
    texts = [f"id: A-{n}, verdict: warn, reason: r, when: tool.arguments.n == {n}" for n in range(100)]
    texts[70] = "id: A-70, verdict: warn, reason: r, when: tool.arguments.gone == 1"

    found = decide(constitution(*texts, default="allow"), n=80).articles

    assert [item.article for item in found] == ["A-70", "A-80"]


def test_patterns_are_those_of_re2():
    """A pattern that could take for ever does not load, and what loads counts characters."""
    given = constitution(
        "id: A, verdict: deny, reason: r, when: \"tool.arguments.t.matches('^(a+)+$')\"", default="allow"
    )

    assert decide(given, t="a" * 50_000 + "!").verdict == "allow"
    assert decide(given, t="aaa").verdict == "deny"
    with pytest.raises(ConstitutionInvalid, match="not a regular expression"):
        constitution("id: A, verdict: deny, reason: r, when: \"tool.name.matches('(?=a)')\"")
    assert (
        decide(
            constitution("id: A, verdict: allow, reason: r, when: size(tool.arguments.t) == 2"), t="é😀"
        ).verdict
        == "allow"
    )


def test_threads_decide_side_by_side():
    """One constitution answers several threads, each from its own facts."""
    given = constitution(
        "id: A, verdict: deny, reason: 'no {tool.arguments.n}', when: size(tool.arguments.text) > 50",
        default="allow",
    )

    def asked(length: int) -> list[tuple[str, object]]:
        decisions = [decide(given, f"tool-{number}", text="x" * length, n=length) for number in range(50)]
        return [(one.verdict, one.answers["size(tool.arguments.text)"]) for one in decisions]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(asked, range(40, 64)))

    assert found == [[("deny" if n > 50 else "allow", n)] * 50 for n in range(40, 64)]


def test_no_article_may_break_a_decision():
    """A mapping that fails when it is read makes what reads it unreadable, also where a reason quotes it."""

    class Broken(dict):
        def __getitem__(self, key: object) -> object:
            raise RuntimeError("gone")

        def __contains__(self, key: object) -> bool:
            raise RuntimeError("gone")

    given = constitution(
        "id: A, verdict: deny, reason: 'no {tool.arguments.x}', when: tool.arguments.x == 1",
        "id: B, verdict: warn, reason: 'saw {tool.arguments.x}'",
    )
    decision = given.decide(
        Action(stage="tool.call", name="x", facts={"tool": {"name": "x", "arguments": Broken(x=1)}})
    )

    assert (decision.verdict, decision.unreadable) == ("deny", True)
    assert [item.reason for item in decision.articles] == [
        "could not be evaluated: gone",
        "saw (cannot be read)",
    ]
