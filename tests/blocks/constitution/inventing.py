"""Random constitutions that are well typed, and actions that are not: missing, wrong and hostile facts."""

import json
from random import Random
from typing import Any

import yaml

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Action
from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.withheld import Withheld

STAGES = ["tool.call", "task", "memory.write", "notification"]
ACTIONS = ["mail.send", "mail.read", "git.push", "x"]
GLOBS = ["*", "mail.*", "mail.send", "*.push", "?", "m*d"]
VERDICTS = ["allow", "warn", "redact", "approve", "deny"]
WORDS = ["", "a", "ada", "mail.send", "/srv/p1/x", "AKIAIOSFODNN7EXAMPLE", "é😀", "web_content", "5", "nan"]
STRINGS = [
    "principal.name",
    "principal.kind",
    "task.name",
    "node.name",
    "project.workspace",
    "capsule.digest",
]
LISTS = ["principal.roles", "node.tools", "data.labels", "data.seen"]
INTS = ["node.attempt", "size(task.name)", "size(principal.roles)",
        "history.count('tool.call', 'mail.*')", "history.refused('tool.call', '*')",
        "history.count_within('task', '*', duration('90s'))"]  # fmt: skip
DOUBLES = [
    "budget.seconds_left",
    "budget.tool_calls_left",
    "node.budget.seconds",
    "node.budget['tool_calls']",
]
DYNS = ["task.arguments.n", "task.arguments.text", "task.arguments['a b']", "task.arguments.deep.er",
        "project.inputs.depth", "task.arguments.items[0]", "task.arguments.items[1].k"]  # fmt: skip
FIELDS = ["task.arguments.n", "task.arguments.deep.er", "budget.seconds_left", "project.inputs.depth",
          "task.arguments.gone", "principal.on_behalf_of"]  # fmt: skip
TESTS = ["startsWith", "endsWith", "contains", "like"]
MACROS = ["all", "exists", "exists_one"]
PATTERNS = "['a*', '?']"
MAPS = ["task.arguments", "project.inputs", "data.arguments", "task.arguments.deep", "task.arguments.items"]


class Writer:
    """Writes random conditions that are well typed."""

    def __init__(self, random: Random) -> None:
        self.pick = random.choice
        self.bound: list[str] = []

    def word(self) -> str:
        return json.dumps(self.pick(WORDS), ensure_ascii=False)

    def text(self) -> str:
        return self.pick([
            self.word,
            lambda: self.pick(STRINGS),
            lambda: f"{self.pick(STRINGS)}.{self.pick(['lower', 'upper', 'trim'])}()",
            lambda: f"({self.text()} + {self.text()})",
        ])()  # fmt: skip

    def whole(self) -> str:
        return self.pick([
            lambda: self.pick(INTS),
            lambda: self.pick(["0", "1", "2", "-1", "9223372036854775807", "4503599627370497"]),
            lambda: f"({self.whole()} {self.pick('+-*/%')} {self.whole()})",
            lambda: f"-{self.pick(INTS)}",
            lambda: f"size({self.pick(LISTS)}.filter(i, {self.inside('i')}))",
        ])()  # fmt: skip

    def double(self) -> str:
        return self.pick([
            lambda: self.pick(DOUBLES),
            lambda: self.pick(["0.0", "1.5", "60.0", "1e300"]),
            lambda: f"({self.double()} {self.pick('+-*/')} {self.double()})",
        ])()  # fmt: skip

    def anything(self) -> str:
        kinds = [lambda: self.pick(DYNS), self.text, self.whole, self.double]
        return self.pick([*kinds, *([lambda: self.pick(self.bound)] * 3 if self.bound else [])])()

    def inside(self, name: str) -> str:
        self.bound.append(name)
        written = self.pick([
            lambda: f"{name} == {self.text()}",
            lambda: f"dyn({name}) > {self.pick(DYNS)}",
            lambda: f"dyn({name}) == {self.anything()}",
            lambda: f"dyn({name}).matches('^[a-m]')",
            lambda: f"{name} in {self.pick(LISTS)} || {self.atom()}",
            lambda: f"has(dyn({name}).k)",
            lambda: f"like(dyn({name}), 'm*')",
            lambda: f"size(dyn({name})) > 1",
        ])()  # fmt: skip
        self.bound.pop()
        return f"({written})"

    def atom(self) -> str:
        compare = ["==", "!=", "<", "<=", ">", ">="]
        return self.pick([
            lambda: f"{self.text()} {self.pick(compare)} {self.text()}",
            lambda: f"{self.whole()} {self.pick(compare)} {self.pick([self.whole, self.double])()}",
            lambda: f"{self.double()} {self.pick(compare)} {self.double()}",
            lambda: f"{self.pick(DYNS)} {self.pick(compare)} {self.anything()}",
            lambda: f"{self.pick(DYNS)} + {self.pick([self.text, self.whole])()} == {self.anything()}",
            lambda: f"{self.pick(DYNS)} in {self.pick([*MAPS, *LISTS, '[1, 2.0, null]'])}",
            lambda: f"{self.text()} in {self.pick([*LISTS, *MAPS])}",
            lambda: f"has({self.pick(FIELDS)})",
            lambda: f"{self.pick(STRINGS)} {self.pick(['==', '!='])} {self.word()}",
            lambda: f"{self.pick(STRINGS)} in [{self.word()}, {self.word()}]",
            lambda: f"{self.text()}.{self.pick(TESTS)}({self.text()})",
            lambda: f"{self.pick([*STRINGS, *DYNS])}.matches('^(a|m).*[dx]$')",
            lambda: f"listed({self.pick([*STRINGS, *DYNS])}, {self.pick([*LISTS, *DYNS, PATTERNS])})",
            lambda: f"has_secret({self.pick([*MAPS, *STRINGS, *DYNS])})",
            lambda: f"size({self.pick([*MAPS, *DYNS])}) > 1",
            lambda: f"history.saw('{self.pick(['web_content', 'personal'])}')",
            lambda: "time > timestamp('2026-01-01T00:00:00+00:00') + duration('1h')",
            lambda: f"{self.pick([*LISTS, *MAPS])}.{self.pick(MACROS)}(i, {self.inside('i')})",
            lambda: f"{self.pick(MAPS)}.map(i, {self.inside('i')}, i) == {self.pick(LISTS)}",
            lambda: f"{self.pick(MAPS)} == {self.pick(MAPS)}",
        ])()  # fmt: skip

    def condition(self, depth: int = 3) -> str:
        if not depth:
            return self.atom()
        return self.pick([
            self.atom,
            lambda: f"!({self.condition(depth - 1)})",
            lambda: f"({self.condition(depth - 1)} && {self.condition(depth - 1)})",
            lambda: f"({self.condition(depth - 1)} || {self.condition(depth - 1)})",
            lambda: "({} ? {} : {})".format(*(self.condition(depth - 1) for _ in range(3))),
        ])()  # fmt: skip


def a_constitution(random: Random) -> Constitution | None:
    writer = Writer(random)
    articles = []
    for number in range(random.randint(1, 6)):
        verdict = random.choice(VERDICTS)
        article: dict[str, Any] = {
            "id": f"A-{number}",
            "title": "t",
            "stages": random.sample(STAGES, random.randint(1, 2)),
            "actions": random.sample(GLOBS, random.randint(1, 2)),
            "verdict": verdict,
            "reason": "{principal.name} and {task.arguments.text}",
        }
        if random.random() < 0.9:
            article["when"] = writer.condition()
        articles.append(article)
    document = {
        "apiVersion": "soma/v1",
        "kind": "Constitution",
        "metadata": {"name": "random", "version": "1.0.0"},
        "default": random.choice(["allow", "deny", "warn"]),
        "articles": articles,
    }
    try:
        return parse_constitution(yaml.safe_dump(document, allow_unicode=True), "random.yaml")
    except ConstitutionInvalid as error:
        if "can never" in error.message or "never decide" in error.message or "hides" in error.message:
            return None  # the loader sees more than this writer
        raise


ODD = [
    "", "a", "ada", "mail.send", "web_content", "AKIAIOSFODNN7EXAMPLE", "\ud800", "a\0b", "é😀",
    "{tool.name}", 0, 1, 5, -1, 1.0, 1.5, 1e17, 1e300, -0.0,
    True, False, None, [], {}, ["a", 1, None], {"k": "a"},
    [{"k": 1}], [["a"]], {"er": 2, 1: 3}, {"er": "a"}, {"\ud800": 1}, ("a", "b"),
]  # fmt: skip
HOSTILE = [*ODD, 2**53, 2**63, -(2**70), float("nan"), float("inf"), [float("nan")], b"AKIA"]


def an_action(random: Random) -> Action:
    def value(otherwise: Any) -> Any:
        kind = random.random()
        if kind < 0.15:
            return random.choice(ODD)
        return Withheld.of(otherwise) if kind < 0.18 else otherwise

    def some(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value(given) for name, given in fields.items() if random.random() < 0.9}

    def one(*values: Any) -> Any:
        return random.choice(values)

    name = one(*ACTIONS)
    arguments = some({
        "n": one(0, 1, 5, 5.0, 1.5, "5", *HOSTILE), "text": one("a", "mail.send", "x" * 300, *HOSTILE),
        "a b": one(1, "a", *HOSTILE), "deep": one({"er": 1}, {"er": "a", "x": 2}, *HOSTILE),
        "items": one(["a", {"k": 1}], [1, "a", None], *HOSTILE),
    })  # fmt: skip
    facts = some({
        "principal": some({"name": one("ada", "a", ""), "kind": one("user", "agent"),
                           "roles": one([], ["a", "ada"])}),
        "node": some({"name": one("", "n"), "attempt": one(0, 1, 2), "tools": one([], ["mail.*"]),
                      "budget": some({"seconds": one(60, 60.0, 1.5), "tool_calls": 3})}),
        "project": some({"workspace": "/srv/p1", "inputs": some({"depth": one(1, 1.0, "a")})}),
        "capsule": some({"digest": "a"}),
        "task": some({"name": name, "arguments": arguments}),
        "data": some({"labels": one([], ["web_content"]), "seen": one([], ["web_content", "a"]),
                      "arguments": {"text": ["web_content"]}}),
        "budget": some({"seconds_left": one(0, 0.0, 59.5), "tool_calls_left": 1}),
        "time": one("2026-06-01T00:00:00+00:00", "2025-06-01T00:00:00+00:00"),
        "history": None,
    })  # fmt: skip
    facts["history"] = random.sample(
        [
            {"stage": "tool.call", "action": "mail.send", "ago_seconds": 10, "labels": ["web_content"]},
            {"stage": "tool.call", "action": "mail.read", "verdict": "deny", "labels": ["personal"]},
            {"stage": "task", "action": "x", "verdict": "warn", "ago_seconds": 3600},
        ],
        random.randint(0, 3),
    )
    return Action(stage=one(*STAGES), name=name, facts=facts)
