"""Ten thousand malformed documents: each is valid or refused with a line, and none lets things through."""

import json
import random
import re
from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
import yaml

from blocks.constitution.conditions import compile_condition
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.examples import check_examples
from blocks.constitution.lexer import ConditionError
from blocks.constitution.stages import STAGES, variables

DOCUMENT = """\
apiVersion: soma/v1
kind: Constitution
metadata: {name: small, version: "1.0.0", tenant: acme, effective: 2026-11-22}
principles:
  - {id: contained, text: What a project does stays in it.}
default: deny
articles:
  - id: A-1
    principle: contained
    title: Tools may be called
    stages: [tool.call]
    actions: ["mail.*", bank.pay]
    when: node.name != '' && listed(tool.name, node.tools)
    verdict: allow
    reason: "{tool.name} was planned"
    tests:
      - {action: mail.send, facts: {tool: {name: mail.send, arguments: {}}, node: {name: n}}, verdict: deny}
  - id: A-2
    title: People agree to payments
    stages: [tool.call]
    when: |
      has(tool.arguments.amount)
        && tool.arguments.amount > 100.0
    verdict: approve
    approve: {who: ["role:approver", "user:ada"], quorum: 2, expires: 24h, requester: false}
    reason: "{tool.arguments.amount} is much"
    remedy: Pay less.
  - id: A-3
    title: No secrets
    stages: [bus.publish, notification]
    when: has_secret(task.arguments) || task.name.matches('^a+$')
    verdict: deny
    severity: critical
    reason: Mask it first.
"""
DATA = yaml.safe_load(DOCUMENT)
ODD = [
    None, True, False, 0, -1, 1e308, float("inf"), float("nan"), 10**30, "", " ", "x" * 5000, "\u202e",
    "é", "🙂",
    "{", "{tool.nme}", "}", "*", "[", "a.**[", [], {}, [[]], [None], {"": 1}, {"a": {"b": [1]}}, "deny",
    "allow",
    "approve", "tool.call", ["tool.call", "tool.call"], ["tool.result"], "task", "0d", "7d", "99999d",
    "-1h", "24 h",
    "role:", "user:x y", ["role:a", "role:a"], "true", "false", "null", "1.0.0", 1.0, "\U0010ffff",
    "a\nb", "//", "'",
    "2026-11-22", "2026-02-31", "has(tool.arguments.x)", "true || (",
    "tool.arguments.x > 5 && tool.arguments.x < 3",
]  # fmt: skip
LINES = [
    "", "- ", "? ", ": ", "&a ", "*a", "!!python/object:os.system []", "!!binary aGk=", "<<: {a: 1}",
    "---", "...",
    "%YAML 9.9", "\t", "|", ">-", "{", "[", "}", "]", "# x", "'", '"', "@", "`", "a: &x [*x]",
    "articles: []",
    "verdict: allow", "default: allow", "when: true", "!!set {a, b}", "? [a, b]\n: c", "? {a: b}\n: c",
    "=", "~",
    "0o17", "0x1F", "1:30:00", "2026-11-22 10:00:00", "!!timestamp x", ".inf", "1_000", "\ufeff",
    "\u2028", "\x85",
]  # fmt: skip
TOKENS = [
    "&&", "||", "!", "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "==", "!=", "<", "in", "+", "-",
    "*", "/", "%",
    "'", '"', "'''", "\\", "r'", "0x", "1e999", "99999999999999999999", "9u", "null", "true", "false",
    "has(", "size(",
    ".matches('(a+)+$')", ".matches('(a{999}){999}')", ".matches('(?P<')", ".exists(x, x)",
    ".all(tool, true)",
    ".map(", "history.count('tool.call', '*')", "history.count('nope', 1)", "timestamp('x')",
    "duration('1h')",
    "int('x')", "tool.arguments", "_x", "\x00", "\ud800", "é", "🙂", "//", "\n", "((((((((", "!!!!!!!!",
    "- - - -",
]  # fmt: skip


def text_mutation(rng: random.Random) -> str:
    """Cut, double, swap, drop or replace characters and lines."""
    text = DOCUMENT
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.choice([1, 2, 10, 80]))
        made = [
            text[:at],
            text[at:],
            text[:at] + text[to:],
            text[:at] + text[at:to] * rng.choice([2, 30]) + text[to:],
            text[:at]
            + chr(rng.choice([0, 7, 9, 10, 13, 34, 39, 58, 91, 123, 0xD800, 0xFEFF, 0x2028]))
            + text[at:],
            text[:at] + text[at:to][::-1] + text[to:],
            line_mutation(rng, text),
        ]
        text = rng.choice(made) or "x"
    return text


def line_mutation(rng: random.Random, text: str = DOCUMENT) -> str:
    """Put odd YAML on a line, or move, double or indent lines."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    odd = rng.choice(LINES)
    line = lines[at]
    lines[at : at + 1] = rng.choice(
        [
            [line, odd],
            [odd],
            [line[: len(line) - len(line.lstrip())] + odd, line],
            [line.partition(":")[0] + ": " + odd],
            [line, line],
            ["  " + line],
            [line[1:]],
            [line, lines[rng.randrange(len(lines))]],
        ]
    )
    return "\n".join(lines)


def structure_mutation(rng: random.Random) -> str:
    """Replace, drop, add or move values of the data."""
    data = deepcopy(DATA)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        owner, key = rng.choice(list(places(data)))
        choice = rng.randrange(5)
        if choice == 0:
            del owner[key]
        elif choice == 1 and isinstance(owner, dict):
            owner[rng.choice(["x", "wen", "1", "verdict", "approve", "tests"])] = owner[key]
        elif choice == 2:
            other, place = rng.choice(list(places(data)))
            owner[key] = deepcopy(other[place])
        else:
            owner[key] = rng.choice(ODD)
        if not data:
            return ""
    return written(data)


def places(value: object) -> Iterator[tuple]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from places(inner)


def condition_mutation(rng: random.Random) -> str:
    """Break a condition or a reason, in quotes so that YAML takes it."""
    data = deepcopy(DATA)
    article = rng.choice(data["articles"])
    key = rng.choice(["when", "when", "when", "reason"])
    text = article[key]
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(text) + 1)
        to = at + rng.choice([0, 0, 1, 5])
        text = text[:at] + rng.choice(TOKENS) * rng.choice([1, 1, 1, 2, 60]) + text[to:]
    article[key] = text
    return written(data)


def written(data: object) -> str:
    """The data as JSON, which is YAML and written many times faster."""
    return json.dumps(data, indent=1, default=str)


def nonsense(rng: random.Random) -> str:
    """Random bytes, deep nesting, bombs of aliases, huge numbers and names."""
    size = rng.choice([3, 50, 400])
    made: list[Callable[[], str]] = [
        lambda: rng.randbytes(size).decode("utf-8", "replace"),
        lambda: rng.randbytes(size).decode("latin-1"),
        lambda: "".join(rng.choice("[]{},:-?&*!|>'\"%@` \n\tab1") for _ in range(size)),
        lambda: rng.choice("[{") * size * 20,
        lambda: "a: " + "[" * size + "]" * size,
        lambda: "".join(f"{' ' * depth}a:\n" for depth in range(size)),
        lambda: "- " * size,
        lambda: bomb(9),
        lambda: DOCUMENT.replace("deny", "9" * size * 20, 1),
        lambda: DOCUMENT.replace("A-1", "A" * size),
        lambda: DOCUMENT + "".join(f"  - {{id: B{number}}}\n" for number in range(size)),
        lambda: DOCUMENT.replace("A-1", f"!!{'x' * size} A-1"),
    ]
    return rng.choice(made)()


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def facts(rng: random.Random) -> dict:
    """Facts of an action, some missing, some odd."""
    return {
        "principal": rng.choice([{}, {"name": "ada", "kind": "user", "tenant": "t"}, None]),
        "node": rng.choice([{}, {"name": "n", "tools": ["mail.*"]}, {"name": "n", "tools": rng.choice(ODD)}]),
        "tool": {
            "name": rng.choice(["mail.send", 5]),
            "arguments": rng.choice([{}, {"amount": rng.choice(ODD)}]),
        },
        "task": {"name": "a" * 50, "arguments": rng.choice([{}, {"x": rng.choice(ODD)}])},
    }


MUTATIONS = [
    text_mutation,
    line_mutation,
    structure_mutation,
    condition_mutation,
    condition_mutation,
    nonsense,
]


def loaded(text: str) -> tuple[Constitution | None, list[str]]:
    try:
        return parse_constitution(text, "c.yaml"), []
    except ConstitutionInvalid as error:
        return None, error.problems


def check(text: str, rng: random.Random) -> bool:
    """Whether the document is valid; whatever it is, it must be so cleanly."""
    constitution, problems = loaded(text)
    if constitution is None:
        assert problems, text
        assert all(re.match(r"c\.yaml:\d+: \S", problem) for problem in problems), problems
        return False
    stage = rng.choice(STAGES)
    decision = constitution.decide(Action(stage=stage, name=rng.choice(["mail.send", "x"]), facts=facts(rng)))
    allowing = [item for item in constitution.articles if item.verdict != "deny" and stage in item.conditions]
    if decision.verdict == "allow":  # only because something in the document says so
        assert constitution.default == "allow" or allowing, text
    check_examples(constitution)
    return True


@pytest.mark.slow
def test_ten_thousand_malformed_documents():
    """Each is valid or refused with at least one problem that names a line, and each decides cleanly."""
    rng = random.Random(20261122)
    valid = sum(check(rng.choice(MUTATIONS)(rng), rng) for _ in range(10_000))

    assert 300 < valid < 5_000


def test_the_document_that_is_mutated_is_valid():
    """Else nothing would be tried."""
    parse_constitution(DOCUMENT, "c.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (bomb(12), "c.yaml:1: not readable as YAML: anchors and aliases are not allowed"),
        ("a: " + "[" * 50, "c.yaml:1: not readable as YAML: nested deeper than 40 levels"),
        ("a: 1\nb: !!set {x}\n", "c.yaml:2: not readable as YAML: tags are not allowed"),
        ("a: 1\n<<: {b: 2}\n", "c.yaml:2: not readable as YAML: the merge key '<<' is not allowed"),
        ("a: 1\n? [b]\n: 2\n", "c.yaml:2: not readable as YAML: a key is a word, not a list or a mapping"),
        (
            "a: 1\nb: \x00\n",
            "c.yaml:2: not readable as YAML: the character '\\x00' may not stand in a document",
        ),
        ("a: 1\nb: \ud800\n", "c.yaml:2: not readable as YAML: the character '\\ud800' may not stand"),
        ("a: 1\n--- \nb: 2\n", "c.yaml:2: not readable as YAML: "),
        ("a: [" + "x, " * 100_001 + "]", "c.yaml:1: not readable as YAML: more than 100000 values"),
        ("a: " + "9" * 5000, "c.yaml:1: "),
    ],
    ids=range(10),
)
def test_what_could_cost_or_mean_more_than_it_shows_is_refused(text, problem):
    """Before anything is built of it, with the line where it stands."""
    with pytest.raises(ConstitutionInvalid) as caught:
        parse_constitution(text, "c.yaml")

    assert caught.value.problems[0].startswith(problem)


@pytest.mark.parametrize(
    "condition",
    [
        "tool.name.matches('(a{999}){999}')",
        "tool.name.matches('(?:a|a)*(?:a|a)*(?:a|a)*b')",
        " || ".join(["tool.name.matches('(a+)+$')"] * 50),
        "tool.arguments.exists(a, tool.arguments.exists(b, tool.arguments.exists(c, a == b && b == c)))",
        "tool.name == '" + "a" * 3000 + "'",
        "!" * 39 + "true",
    ],
)
def test_a_costly_condition_is_refused_or_answered(condition):
    """No condition that loads can hang a decision about a thousand characters."""
    try:
        compiled = compile_condition(condition, variables("tool.call"))
    except ConditionError:
        return
    del compiled
    text = DOCUMENT.replace("node.name != '' && listed(tool.name, node.tools)", f'"{condition}"')
    try:
        constitution = parse_constitution(text, "c.yaml")
    except ConstitutionInvalid:
        return
    given = {"tool": {"name": "a" * 1000, "arguments": {f"k{n}": n for n in range(30)}}}

    assert constitution.decide(Action(stage="tool.call", name="bank.pay", facts=given)).verdict
