"""Nothing crafted gets an allow by error: not arguments, not names, not what the guard itself stands on."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from blocks.agreement import Vote
from blocks.constitution.constitution import Constitution
from blocks.constitution.source import ConstitutionSource
from blocks.context import RunContext, running
from blocks.errors import ApprovalNeeded, PolicyDenied
from blocks.plain import is_exact
from tasks.asking import judge
from tasks.governed import decide, governed_task
from tasks.hooks import action_digest

HEAD = 'apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: test, version: "1.0.0"}\n'
NARROW = (
    HEAD
    + """default: deny
articles:
  - id: OPEN
    title: only what is plainly harmless
    stages: [tool.call, task]
    actions: ["open.*"]
    when: task.arguments.value == 'harmless'
    verdict: allow
    reason: harmless
  - id: SECRETS
    title: nothing that looks like a secret, whatever it is in
    stages: [tool.call, task]
    when: has_secret(task.arguments)
    verdict: deny
    reason: secret
"""
)
PEOPLE = (
    HEAD
    + """default: allow
articles:
  - {id: ASK, title: t, stages: [tool.call], verdict: approve, reason: r,
     approve: {who: ["role:approver"], quorum: 2, requester: false}}
"""
)


class Bomb:
    """An object of which everything explodes but what tests print."""

    def _explode(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")

    __str__ = __eq__ = __len__ = __iter__ = __getitem__ = __contains__ = __bool__ = _explode
    __hash__ = object.__hash__
    keys = items = values = get = _explode


class Pretender(str):
    """A text that says it equals everything."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True


class BadMap(Mapping[str, Any]):
    """A map whose keys explode, or which never ends."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __getitem__(self, key: str) -> Any:
        if self.kind == "lies":
            return "harmless"
        raise RuntimeError("boom")

    def __iter__(self) -> Iterator[str]:
        if self.kind == "keys":
            raise RuntimeError("boom")
        return iter(["value"])

    def __len__(self) -> int:
        return 1


def circle() -> dict[str, Any]:
    found: dict[str, Any] = {"value": "harmless"}
    found["self"] = found
    return found


def nested(depth: int, innermost: Any = "harmless") -> Any:
    value = innermost
    for _ in range(depth):
        value = {"value": value}
    return value


ODD = st.sampled_from(
    [
        Bomb(),
        BadMap("keys"),
        BadMap("values"),
        circle(),
        nested(500),
        "x" * 300_000,
        {"$withheld": "0" * 64, "length": 3},
        {1: "harmless", None: 2},
        float("nan"),
        10**400,
        "\ud800",
        b"harmless",
        object(),
        PurePosixPath("harmless"),
    ]
)
VALUES = ODD | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.text(max_size=12) | st.sampled_from(
    ["*", "open.", "open.\n", "OPEN.x", "open.*", "open", "?pen.x", "[o]pen.x", "open\0.x", "\u043epen.x", ""]
)
STAGES = st.sampled_from(["tool.call", "task", "memory.write", "tool.result", "no.such.stage", "*", ""])
FACTS = st.dictionaries(
    st.sampled_from(["principal", "project", "task", "data", "history", "time", "tool", "node", "budget"]),
    VALUES | st.fixed_dictionaries({"arguments": st.just({"value": "harmless"})}),
    max_size=3,
)
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def harmless(stage: str, name: str, arguments: Any) -> bool:
    """What the article OPEN is meant to allow, said once more in Python."""
    plain_text = isinstance(arguments, dict) and isinstance(arguments.get("value"), str)
    return (
        stage in {"tool.call", "task"}
        and name.startswith("open.")
        and plain_text
        and str.__str__(arguments["value"]) == "harmless"
    )


@QUICK
@given(stage=STAGES, name=NAMES, facts=FACTS, value=VALUES, more=VALUES)
def test_no_crafted_action_is_allowed(stage, name, facts, value, more, context_under):
    """Whatever is asked, only what the article means gets through, and nothing is raised."""
    arguments = {"value": value, "more": more}
    with running(context_under(NARROW)):
        outcome = judge(stage, name, facts, arguments)

    assert outcome.refusal is not None or harmless(stage, name, arguments)


@QUICK
@given(facts=FACTS)
def test_facts_do_not_replace_what_the_context_knows(facts, context_under):
    """Who acts, the arguments, labels, history and time are the context's, whatever a task says."""
    context: RunContext = context_under("allow", project="prj_1", node="n")
    try:
        action = context.action("task", "x", facts, {"value": 1})
    except RuntimeError:
        return  # facts that cannot be read deny, as the other tests here show

    assert action.facts["principal"] == context.facts["principal"]
    assert action.facts["project"] == context.facts["project"]
    assert action.facts["task"] == {"name": "x", "arguments": {"value": 1}}
    assert action.facts["history"] is context.history
    assert action.facts["node"]["name"] == "n"


@pytest.mark.parametrize(
    "arguments", [Bomb(), BadMap("keys"), BadMap("values"), None, 3, [("value", "harmless")]]
)
def test_arguments_that_are_no_map_are_denied(arguments, context_under):
    """What is given in place of arguments opens nothing."""
    with running(context_under(NARROW)):
        assert judge("task", "open.x", {}, arguments).refusal is not None


def test_a_text_that_equals_everything_is_read_as_what_it_says(context_under):
    """The engine sees the characters, not what a class of the caller's makes of them."""
    with running(context_under(NARROW)):
        assert judge("task", "open.x", {}, {"value": Pretender("wicked")}).refusal is not None


def test_a_large_argument_is_decided_in_good_time(context_under):
    """A value of ten million characters is searched through, not choked on."""
    begun = time.monotonic()
    with running(context_under(NARROW)):
        outcome = judge("task", "open.x", {}, {"value": "harmless", "more": "a" * 10_000_000})

    assert outcome.decision.articles[0].article in {"OPEN", "SECRETS"}  # it may be too long to be searched
    assert time.monotonic() - begun < 60  # only against a search that never ends


class Broken:
    """A part of the context of which every use fails."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name} is broken")


BREAKS: Mapping[str, Any] = {
    "audit": Broken(),
    "trail": Broken(),
    "history": Broken(),
    "constitution": Broken(),
    "spending": Broken(),
    "approved": None,
    "project_facts": None,
    "principal": None,
}


@pytest.mark.parametrize("part", BREAKS)
def test_a_broken_part_of_the_guard_denies(part, context_under):
    """Without a working log, trail, history, constitution or meter nothing is allowed."""
    needs_people = part in {"approved", "project_facts"}
    context = context_under(PEOPLE if part == "approved" else "allow")
    broken = replace(context, **{part: BREAKS[part]})
    ran: list[int] = []
    task = governed_task(stage="tool.call", action="open.x")(lambda: ran.append(1))

    with running(broken), pytest.raises((PolicyDenied, ApprovalNeeded) if needs_people else PolicyDenied):
        task.fn()
    assert ran == []


class Muted(ConstitutionSource):
    """A source that gives something that is no decision."""

    answer: Any = None

    def current(self) -> Constitution:
        return self  # type: ignore[return-value]  # that is the attack

    def decide(self, action: Any) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [None, True, "allow", {"verdict": "allow"}])
def test_an_answer_that_is_no_decision_denies(answer, context_under):
    """Only a decision allows."""
    source = Muted()
    source.answer = answer
    with running(replace(context_under("allow"), constitution=source)):
        assert judge("task", "x", {}, {}).refusal is not None


@dataclass
class Parcel:
    """A dataclass, shown by its fields."""

    content: str


class Letter(BaseModel):
    """A model that takes more than its fields."""

    model_config = ConfigDict(extra="allow")
    body: str


def sealed_parcel(content: str, hidden: str) -> Parcel:
    parcel = Parcel(content)
    parcel.hidden = hidden  # type: ignore[attr-defined]  # not a field, so not shown
    return parcel


ALIKE = {
    "objects of one class": (object(), object()),
    "deep structures": (nested(60, "a"), nested(60, "b")),
    "models with more than their fields": (Letter(body="x", to="a"), Letter(body="x", to="b")),
    "dataclasses with more than their fields": (sealed_parcel("x", "a"), sealed_parcel("x", "b")),
    "keys that are no texts": ({1: "x"}, {"1": "x"}),
    "not a number": (float("nan"), "nan"),
    "half a surrogate pair": ("\ud800", "\\ud800"),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_an_approval_opens_no_other_arguments(kind, context_under):
    """Where two values have one digest, people cannot have agreed to the one and not the other."""
    ran: list[Any] = []

    @governed_task(stage="tool.call", action="send")
    def task(value: Any) -> None:
        ran.append(value)

    context = context_under(PEOPLE)
    vague = [value for value in ALIKE[kind] if not is_exact(value)]
    for shown in ALIKE[kind]:
        action = context.action("tool.call", "send", {}, {"value": shown})
        votes = tuple(Vote(by=name, roles=frozenset({"approver"})) for name in ("ben", "cleo"))
        agreed = replace(context, approved={action_digest(action, context): votes})
        for sent in vague:  # nobody is even asked about these, so no approval is theirs
            with running(agreed), pytest.raises(PolicyDenied, match="cannot be shown all"):
                task.fn(sent)

    assert vague
    assert ran == []


@pytest.mark.parametrize(
    ("votes", "enough"),
    [
        ([], False),
        ([("ben", "approver")], False),
        ([("ben", "approver"), ("ben", "approver")], False),
        ([("ben", "approver"), ("ann", "approver")], False),  # ann asked for the project
        ([("ben", "approver"), ("cleo", "viewer")], False),
        ([("ben", "approver"), ("cleo", "admin")], True),
        ([("ben", "approver"), ("cleo", "approver")], True),
    ],
)
def test_an_approval_opens_only_under_the_terms_now_in_force(votes, enough, context_under):
    """A digest alone opens nothing: the votes behind it must be those that the article wants."""
    context = context_under(PEOPLE, project_facts={"requested_by": "ann"})
    digest = action_digest(context.action("tool.call", "send", {}, {"value": 1}), context)
    given_votes = tuple(Vote(by=name, roles=frozenset({role})) for name, role in votes)
    with running(replace(context, approved={digest: given_votes})):
        outcome = judge("tool.call", "send", {"tool": {}}, {"value": 1})

    assert (outcome.refusal is None) is enough


def test_decide_denies_what_explodes(context_under):
    """Outside of tasks the same holds."""
    with running(context_under(NARROW)), pytest.raises(PolicyDenied):
        asyncio.run(decide("task", "open.x", {"value": Bomb()}))
