"""Which facts a record keeps, what is left of the others, and that they are read back as they were."""

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from blocks.audit.canonical import canonical
from blocks.audit.decided import Decided
from blocks.audit.keeping import MOST_KEPT, action_of, kept_facts
from blocks.constitution.decisions import Action, Decision, Determination
from blocks.constitution.history import History
from blocks.constitution.withheld import Withheld
from blocks.context import RunContext
from blocks.identity import Principal

TOKEN = "ghp_" + "R7tq2Lm9" * 4 + "xZ41"


class Model(BaseModel):
    path: str


def action(arguments: Any, **facts: Any) -> Action:
    return Action(stage="tool.call", name="x", facts={"task": {"name": "x", "arguments": arguments}, **facts})


def kept(arguments: Any, **facts: Any) -> Any:
    return kept_facts(action(arguments, **facts))["task"]["arguments"]


def data(**labels: list[str]) -> dict[str, Any]:
    said = sorted({label for found in labels.values() for label in found})
    return {"labels": said, "arguments": labels, "seen": said}


def is_withheld(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"$withheld", "length"}


def test_structures_of_any_kind_become_plain():
    """Models, read-only mappings and tuples are kept as the JSON they stand for; history is not kept."""
    found = kept_facts(
        action({"a": Model(path="/x"), "b": MappingProxyType({"c": (1, 2)})}, history=History())
    )

    assert found["task"]["arguments"] == {"a": {"path": "/x"}, "b": {"c": [1, 2]}}
    assert "history" not in found


@pytest.mark.parametrize("label", ["personal", "confidential", "secret"])
def test_values_of_a_withheld_class_leave_only_a_hash(label):
    """Wherever the same text stands among the facts, it is not kept."""
    facts = kept_facts(
        action(
            {"to": ["ada@example.org", "all"], "age": 41},
            data=data(**{"to.0": [label], "age": [label], "to.1": ["request"]}),
            memory={"text": "ada@example.org"},
        )
    )

    arguments = facts["task"]["arguments"]
    assert is_withheld(arguments["to"][0])
    assert is_withheld(arguments["age"])
    assert arguments["to"][1] == "all"
    assert is_withheld(facts["memory"]["text"])
    assert "ada@" not in json.dumps(facts)


def test_secrets_and_long_texts_are_not_kept():
    """By their shape or by the name that they stand under."""
    found = kept({"a": f"use {TOKEN}", "password": "correct-horse-9", "c": "x" * 2001, "d": "x" * 2000})

    assert is_withheld(found["a"])
    assert is_withheld(found["password"])
    assert found["c"] == Withheld.of("x" * 2001).as_json()
    assert found["d"] == "x" * 2000


@pytest.mark.parametrize(
    "arguments",
    [
        {"many": ["y" * 1500] * 40},
        {"numbers": list(range(20_000))},
        {str(number): {"deep": [number] * 20} for number in range(900)},
        {"one": "z" * 1900, **{str(number): "w" * 300 for number in range(200)}},
    ],
)
def test_facts_have_a_bounded_size(arguments):
    """The largest parts are withheld until the rest fits."""
    found = kept_facts(action(arguments, node={"name": "kept"}))

    assert len(canonical(found)) <= MOST_KEPT
    assert found["node"] == {"name": "kept"}


def test_what_looks_like_a_mark_is_not_taken_for_one():
    """An argument that imitates a withheld value is withheld itself, and with its own hash."""
    forged = {"$withheld": "0" * 64, "length": 3}

    assert kept({"a": forged})["a"] == Withheld.of(forged).as_json()


def test_reasons_quote_nothing_that_is_withheld():
    """The reason of an article and of one in shadow show as little as the facts."""
    context = RunContext(
        tenant="acme",
        principal=Principal(tenant="acme", name="ada"),
        constitution=None,  # type: ignore[arg-type]  # not asked here
        audit=None,  # type: ignore[arg-type]  # as above
    )
    asked = action({"to": "ada@example.org"}, data=data(to=["personal"]))
    article = Determination(article="A-1", verdict="deny", reason="not to ada@example.org, please")
    decision = Decision(
        id="dec_1", verdict="deny", stage="tool.call", action="x", articles=(article,), constitution="c",
        at=datetime.now(UTC),
    )  # fmt: skip
    shadow = {"verdict": "deny", "articles": [{"reason": "never ada@example.org"}]}
    record = Decided(decision, context, {"to": "ada@example.org"}, asked, {"shadow": shadow}).record()

    assert record["articles"][0]["reason"] == "not to [withheld], please"
    assert "ada@" not in json.dumps(record)


def test_kept_facts_are_read_back():
    """The action of a record has its moments as moments and its gaps as gaps."""
    moment = datetime.now(UTC)
    facts = kept_facts(action({"a": 1, "b": "x" * 3000}, time=moment))
    record = {"stage": "tool.call", "action": "x", "facts": facts, "answers": {"has_secret(task)": False}}
    found, answers = action_of(json.loads(canonical(record)))

    assert found.facts["time"] == moment
    assert found.facts["task"]["arguments"] == {"a": 1, "b": Withheld.of("x" * 3000)}
    assert answers == {"has_secret(task)": False}


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(exclude_categories=[])),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_the_facts_are_they_are_kept_within_bounds(value):
    """No value makes keeping fail, and what is kept is canonical JSON."""
    found = kept_facts(action({"value": value}))

    assert json.loads(canonical(found)) == json.loads(canonical(found))
    assert len(canonical(found)) <= MOST_KEPT
