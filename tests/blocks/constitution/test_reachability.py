"""Articles that can never decide: each kind is found, and nothing that could decide is refused."""

import random
from collections.abc import Callable

import pytest

from blocks.constitution import reachability
from blocks.constitution.conditions import compile_condition
from blocks.constitution.constitution import Article, Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.parser import parse
from blocks.constitution.reachability import covers, examine
from blocks.constitution.satisfying import always_holds, never_holds
from blocks.constitution.stages import variables
from blocks.constitution.written import Document

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'


def document(*articles: str, default: str = "deny") -> Constitution:
    lines = [
        f"  - {{title: t, reason: r, id: A-{number}, {article}}}" for number, article in enumerate(articles)
    ]
    return parse_constitution(HEAD + f"default: {default}\narticles:\n" + "\n".join(lines), "c.yaml")


def problems(*articles: str) -> list[str]:
    with pytest.raises(ConstitutionInvalid) as caught:
        document(*articles)
    return list(caught.value.problems)


NEVER = [
    "false",
    "!true",
    "1 > 2",
    "'a' == 'b'",
    "'a' in ['b', 'c']",
    "tool.name in []",
    "[].exists(x, true)",
    "tool.name == 'a' && tool.name == 'b'",
    "'a' == tool.name && tool.name == 'b'",
    "tool.name == 'a' && tool.name != 'a'",
    "tool.name in ['a', 'b'] && tool.name in ['c', 'd']",
    "tool.name in ['a', 'b'] && tool.name != 'a' && tool.name != 'b'",
    "tool.name in ['a', 'b'] && !(tool.name in ['a', 'b', 'c'])",
    "tool.name == 'mail.send' && tool.name.startsWith('file.')",
    "tool.name == 'mail.send' && !tool.name.contains('.')",
    "node.attempt > 5 && node.attempt < 3",
    "node.attempt > 5 && 3 > node.attempt",
    "node.attempt > 5 && node.attempt <= 5",
    "node.attempt >= 5 && node.attempt < 5",
    "node.attempt == 2 && node.attempt > 2",
    "node.attempt > 5 && !(node.attempt > 3)",
    "tool.arguments.n > 5 && tool.arguments.n < 4.5",
    "size(tool.name) < 0",
    "size(tool.name) == 3 && tool.name.size() > 3 && size(tool.name) > 3",
    "has(tool.arguments.x) && !has(tool.arguments.x)",
    "!has(tool.arguments.x) && tool.arguments.x == 1",
    "!has(tool.arguments.x) && tool.arguments.x.y != 'a'",
    "has_secret(tool.arguments) && !has_secret(tool.arguments)",
    "(tool.name == 'a' || tool.name == 'b') && tool.name == 'c'",
    "tool.name == 'a' ? false : tool.name == 'a'",
    "principal.roles.exists(role, role == 'a' && role == 'b')",
    "principal.roles.exists(role, role == 'a') && !principal.roles.exists(role, role == 'a')",
]
POSSIBLE = [
    "tool.name == 'a' || tool.name == 'b'",
    "principal.name == 'a' && tool.name == 'b'",
    "principal.roles.exists(r, r == 'a') && principal.roles.exists(r, r == 'b')",
    "node.attempt > 3 && node.attempt < 5",
    "node.attempt >= 5 && node.attempt <= 5",
    "!(tool.arguments.n > 5) && !(tool.arguments.n <= 5) || tool.name == 'x'",
    "tool.name.startsWith('a') && tool.name.startsWith('ab')",
    "tool.arguments.n == 1 && tool.arguments.n == 1.0",
    "!has(tool.arguments.x) || tool.arguments.x == 1",
    "!has(tool.arguments.x) && tool.arguments.y == 1",
    "has(tool.arguments.x) && tool.arguments.x == 1",
    "tool.name in ['a', 'b'] && tool.name != 'a'",
    "tool.name == 'a' && has_secret(tool.arguments)",
    "!(tool.arguments.n > 5) && !(tool.arguments.n < 9)",
    "principal.roles.all(role, role == 'a' && role == 'b')",
]
ALWAYS = [
    "true",
    "1 < 2",
    "tool.name == 'a' || tool.name != 'a'",
    "size(tool.name) >= 0",
    "!(tool.name in [])",
]


@pytest.mark.parametrize("condition", NEVER)
def test_a_condition_that_contradicts_itself_is_an_error_with_its_line(condition):
    """Whatever the facts are, it could not hold; its author meant something else."""
    compile_condition(condition, variables("tool.call"))
    found = problems(f'stages: [tool.call], verdict: deny, when: "{condition}"')

    assert found == ["c.yaml:6: articles[0].when: can never hold: the article decides nothing"]


@pytest.mark.parametrize("condition", POSSIBLE)
def test_a_condition_that_may_hold_is_no_error(condition):
    """What could decide something is let in."""
    assert not document(f'stages: [tool.call], verdict: approve, when: "{condition}"').warnings


@pytest.mark.parametrize("condition", ALWAYS)
def test_a_condition_that_always_holds_is_a_warning(condition):
    """It is valid, but hardly what its author meant."""
    warnings = document(f'stages: [tool.call], verdict: approve, when: "{condition}"').warnings

    assert [text for text in warnings if "always holds" in text] == [
        "c.yaml:6: articles[0].when: always holds; leave it out if that is meant"
    ]


HIDDEN = "can never decide: A-0 has a stricter verdict"


@pytest.mark.parametrize(
    ("stricter", "weaker", "hidden"),
    [
        ("deny", "approve", True),
        ("deny", "redact", True),
        ("deny", "allow", True),
        ("approve", "warn", True),
        ("approve", "redact", False),  # carried out once people agreed
        ("redact", "allow", True),
        ("warn", "allow", True),
        ("allow", "deny", False),
        ("warn", "redact", False),
    ],
)
def test_a_stricter_article_without_a_condition_hides_a_weaker_one(stricter, weaker, hidden):
    """Its verdict wins whenever the weaker one matches, in whichever order they stand."""
    one = f"stages: [tool.call], verdict: {stricter}"
    other = f"stages: [tool.call], verdict: {weaker}, when: tool.name == 'x'"
    if hidden:
        assert HIDDEN in problems(one, other)[0]
        assert "A-1 has a stricter verdict" in problems(other, one)[0]
    else:
        document(one, other)


@pytest.mark.parametrize(
    ("wide", "narrow", "hidden"),
    [
        ("stages: [tool.call, task]", "stages: [task]", True),
        ("stages: [task]", "stages: [tool.call, task]", False),
        ("stages: [task], actions: ['mail.*']", "stages: [task], actions: [mail.send, 'mail.draft.*']", True),
        ("stages: [task], actions: ['mail.*']", "stages: [task], actions: [mail.send, file.read]", False),
        ("stages: [task], actions: ['mail.*']", "stages: [task]", False),
        ("stages: [task], when: 'true'", "stages: [task]", True),
        ("stages: [task], when: principal.name == 'x'", "stages: [task]", False),
    ],
)
def test_only_an_article_that_is_hidden_everywhere_is_unreachable(wide, narrow, hidden):
    """One stage or action at which it counts is enough."""
    if hidden:
        assert HIDDEN in problems(f"verdict: deny, {wide}", f"verdict: allow, {narrow}")[0]
    else:
        document(f"verdict: deny, {wide}", f"verdict: allow, {narrow}")


def test_several_articles_may_hide_one_together():
    """Each of its stages is another's."""
    found = problems(
        "verdict: deny, stages: [task]",
        "verdict: deny, stages: [tool.call]",
        "verdict: allow, stages: [task, tool.call]",
    )

    assert "c.yaml:8: articles[2].verdict: can never decide: A-0, A-1 has a stricter verdict" in found[0]


def test_a_partly_hidden_article_is_doubtful():
    """The warning names what is of no use and why."""
    warnings = document(
        "verdict: deny, stages: [task]", "verdict: allow, stages: [task, tool.call], actions: ['x.*']"
    ).warnings

    assert warnings == ("c.yaml:7: articles[1].actions: of no use for 'x.*' at task: A-0 is stricter there",)


def test_what_would_take_long_to_examine_is_let_in_with_a_warning(monkeypatch):
    """A document of many articles without conditions must not hold up its reader."""
    actions = ", ".join(f"a{number}" for number in range(150))
    articles = [
        f"stages: [task, tool.call], actions: [b{number}, {actions}], verdict: deny" for number in range(8)
    ]
    monkeypatch.setattr(reachability, "MOST_COMPARISONS", 500_000)
    warnings = document(*articles).warnings

    assert warnings == ("c.yaml:5: articles: too many articles to look for those that others hide",)


def test_the_same_article_twice_is_an_error():
    """However its condition is spaced and its stages are ordered."""
    found = problems(
        "verdict: deny, stages: [task, tool.call], when: principal.name == 'x'",
        'verdict: deny, stages: [tool.call, task], when: "(principal.name==\\"x\\")"',
    )

    assert len(found) == 1
    assert "c.yaml:7: articles[1].id: decides nothing of its own: 'A-0' has the same stages" in found[0]


@pytest.mark.parametrize(
    "other",
    [
        "verdict: approve, stages: [task]",
        "verdict: deny, stages: [tool.call]",
        "verdict: deny, stages: [task], actions: [x]",
        "verdict: deny, stages: [task], when: principal.name == 'y'",
    ],
)
def test_an_article_that_differs_in_anything_that_counts_is_no_duplicate(other):
    """Another verdict, stage, action or condition is another article."""
    document("verdict: deny, stages: [task], when: principal.name == 'x'", other)


def test_permissions_that_add_nothing_are_doubtful():
    """A wider permission, or a default that allows, makes a narrow one useless."""
    wide = "verdict: allow, stages: [task]"
    narrow = "verdict: allow, stages: [task], actions: [x], when: principal.name == 'x'"

    assert "allows only what A-0 allows without a condition" in document(wide, narrow).warnings[0]
    assert "allowed by `default` anyway" in document(narrow, default="allow").warnings[0]
    assert document(narrow).warnings == ()


def test_a_document_that_denies_everything_is_doubtful():
    """No article lets anything through, and the default does not either."""
    warnings = document("verdict: deny, stages: [task], when: principal.name == 'x'").warnings

    assert "no article lets anything through" in warnings[0]


@pytest.mark.parametrize(
    ("pattern", "covered", "expected"),
    [
        ("*", "a.?[b]", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.*", True),
        ("a.*", "a.?", True),
        ("a.*", "a.*", True),
        ("a.*", "a*", False),
        ("a.*", "*", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.*", False),
        ("a.?", "a.b", False),  # it does, but only `*` is looked through
        ("a.*", "a.[b]", False),
        ("*a*", "ba*", True),
    ],
)
def test_globs_cover_each_other_only_when_certain(pattern, covered, expected):
    """A `*` takes all that a wildcard may stand for."""
    assert covers(pattern, covered) is expected


ATOMS = [
    "tool.name == 'a'", "tool.name == 'b'", "tool.name != 'a'", "tool.name in ['a', 'b']",
    "tool.name in ['b']", "tool.name.startsWith('a')", "tool.arguments.n > 1", "tool.arguments.n < 3",
    "tool.arguments.n >= 2",
    "tool.arguments.n == 2", "tool.arguments.n == 2.0", "2 < tool.arguments.n", "has(tool.arguments.n)",
    "tool.arguments.n != 2", "size(tool.name) < 1", "size(tool.name) == 1", "'a' in tool.arguments.l",
    "tool.arguments.l.exists(x, x == 'a')", "tool.arguments.l.exists(x, x == 'a' && x == 'b')",
    "tool.arguments.l == ['a']", "tool.arguments.l == []", "true", "false", "1 < 2", "tool.arguments.n in []",
]  # fmt: skip
FACTS = [
    {"name": name, "arguments": arguments}
    for name in ("a", "b", "ab", "")
    for arguments in (
        {}, {"n": 1, "l": []}, {"n": 2, "l": ["a"]}, {"n": 2.5, "l": ["b", "a"]}, {"n": 3}, {"n": "2"},
        {"n": True, "l": ["b"]}, {"n": float("nan")}, {"n": None, "l": "a"},
    )
]  # fmt: skip


def some_condition(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(ATOMS)
    parts = [some_condition(rng, depth - 1) for _ in range(3)]
    shapes = ["({0} && {1})", "({0} && {1} && {2})", "({0} || {1})", "!({0})", "({0} ? {1} : {2})"]
    return rng.choice(shapes).format(*parts)


def asked(source: str) -> Constitution:
    """A constitution with this condition alone, even one that no document may have."""
    article = Article(
        id="A",
        title="t",
        actions=("*",),
        conditions={"tool.call": compile_condition(source, variables("tool.call"))},
        verdict="approve",
        severity="low",
        reason="r",
        remedy="",
    )
    return Constitution(name="t", version="1.0.0", digest="", default="allow", articles=(article,))


@pytest.mark.slow
def test_what_is_said_of_a_condition_is_what_the_engine_says():
    """No facts make a condition hold of which it is said that none do, and none fail one said to hold."""
    rng = random.Random(7)
    said = 0
    for source in {some_condition(rng, 3) for _ in range(1000)}:
        never, always = never_holds(parse(source)), always_holds(parse(source))
        if not (never or always):
            continue
        said += 1
        constitution = asked(source)
        for facts in FACTS:
            verdict = constitution.decide(Action(stage="tool.call", name="a", facts={"tool": facts})).verdict
            # approve: it holds; allow: it does not; deny: it could not be evaluated
            assert verdict in ({"allow", "deny"} if never else {"approve", "deny"}), (source, facts)
    assert said > 100


def test_an_article_that_decides_by_error_alone_is_not_enough():
    """A condition that could only fail is a mistake too: it would deny for no reason."""
    assert problems("stages: [tool.call], verdict: deny, when: tool.arguments.x > 5 && tool.arguments.x < 3")


def some_article(rng: random.Random, number: int) -> dict:
    """An article over a small vocabulary, so that many hide each other."""
    wanted = {
        "id": f"A-{number}",
        "title": "t",
        "stages": rng.sample(["task", "tool.call"], rng.choice([1, 1, 2])),
        "actions": rng.sample(["*", "a.*", "a.b", "a.b*", "*.c", "a.?", "b"], rng.choice([1, 1, 2])),
        "verdict": rng.choice(["allow", "warn", "approve", "deny"]),
        "reason": "r",
    }
    return wanted if rng.random() < 0.5 else {**wanted, "when": "principal.name == 'x'"}


def decided_by(articles: list[dict]) -> Callable[[str, str], list[str]]:
    """What these articles decide, for a principal who meets the condition and for one who does not."""
    compiled = tuple(
        Article(
            id=article["id"],
            title="t",
            actions=tuple(article["actions"]),
            conditions={
                stage: compile_condition(article["when"], variables(stage)) if "when" in article else None
                for stage in article["stages"]
            },
            verdict=article["verdict"],
            severity="low",
            reason="r",
            remedy="",
        )
        for article in articles
    )
    given = Constitution(name="t", version="1.0.0", digest="", default="deny", articles=compiled)
    return lambda stage, action: [
        given.decide(Action(stage=stage, name=action, facts={"principal": {"name": name}})).verdict
        for name in ("x", "y")
    ]


def test_an_article_that_is_said_to_be_hidden_changes_no_verdict():
    """Without it the constitution decides the same, about every action."""
    rng = random.Random(3)
    hidden = 0
    for _ in range(250):
        articles = [some_article(rng, number) for number in range(5)]
        head = {
            "apiVersion": "soma/v1",
            "kind": "Constitution",
            "metadata": {"name": "t", "version": "1.0.0"},
        }
        found, _ = examine(Document.model_validate({**head, "default": "deny", "articles": articles}))
        for number in {problem.place[1] for problem in found}:
            hidden += 1
            whole, rest = decided_by(articles), decided_by([*articles[:number], *articles[number + 1 :]])
            for stage in ("task", "tool.call"):
                for action in ("a.b", "a.bc", "a.c", "b.c", "b", "a.", ""):
                    assert whole(stage, action) == rest(stage, action), (articles, number)
    assert hidden > 100
