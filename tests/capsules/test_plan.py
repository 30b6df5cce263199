"""Plans, blueprints, and the binding of a node's inputs to results."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.errors import BadInput, NotFound
from blocks.results import ResultLost, ResultStore
from capsules.binding import bind, resolve
from capsules.blueprint import get_blueprint
from capsules.plan import Plan


def node(name: str, **changes: Any) -> dict[str, Any]:
    return {"id": name, "title": name, "capsule": "note", "version": "1.0.0", **changes}


def plan(*nodes: dict[str, Any]) -> Plan:
    return Plan.model_validate({"blueprint": "x", "blueprint_version": "1.0.0", "nodes": list(nodes)})


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("a"), node("a")], "same id"),
        ([node("a", needs=["b"])], "does not have"),
        ([node("a", needs=["b"]), node("b", needs=["a"])], "circle"),
        ([node("a"), node("b", inputs={"x": {"$from": "a.y"}})], "without needing it"),
        ([node("a"), node("b", needs=["a"], tolerates=["c"])], "does not have"),
    ],
)
def test_a_plan_that_is_no_dag_is_refused(nodes: list[dict[str, Any]], words: str) -> None:
    """Doubled ids, unknown needs, circles and inputs from nowhere are found when the plan is made."""
    with pytest.raises(ValidationError, match=words):
        plan(*nodes)


def test_the_digest_changes_with_anything_that_the_plan_does() -> None:
    """Inputs, authority and budget are all under the digest; making the same plan again is not a change."""
    digests = {
        plan(node("a")).digest,
        plan(node("a", inputs={"x": 1})).digest,
        plan(node("a", authority={"tools": {"t": {}}})).digest,
        plan(node("a", authority={"budget": {"seconds": 1.0}})).digest,
    }

    assert len(digests) == 4
    assert plan(node("a")).digest in digests


def test_the_audit_is_planned_with_each_nodes_tools_frozen() -> None:
    """A node's authority is what its capsule declares, and publishing asks people first."""
    made = get_blueprint("repository-audit").plan({"repository": "https://example.com/x.git"})

    assert made.node("secrets").needs == ["survey"]
    assert made.node("security").authority.tools
    assert made.node("publish").approval is not None
    assert made.node("survey").inputs["source"] == "https://example.com/x.git"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "inputs.repository: is missing"),
        ({"repository": ""}, "inputs.repository: is missing"),
        ({"repository": 5}, "must be a text"),
        ({"repository": "x", "color": "red"}, "inputs.color: repository-audit does not ask this"),
        ({"repository": "x\0y"}, "NUL"),
        ({"repository": "x" * 3000}, "at most 2,000"),
        ({"repository": "https://me:geheim@example.com/x.git"}, "holds a password"),
        ({"repository": "https://ghp_0123@example.com/x.git"}, "holds a password"),
    ],
)
def test_a_wrong_answer_is_named(answers: dict[str, Any], words: str) -> None:
    """Each answer that is missing, too much or of the wrong kind is in the message."""
    with pytest.raises(BadInput, match=words):
        get_blueprint("repository-audit").plan(answers)


def test_an_unknown_blueprint_is_answered_with_those_there_are() -> None:
    """The message lists the names that would have worked."""
    with pytest.raises(NotFound, match="repository-audit"):
        get_blueprint("nothing")


async def write(store: ResultStore, value: Any) -> dict[str, Any]:
    return await store.write(value)


def test_inputs_travel_as_references_and_arrive_as_values(tmp_path: Path) -> None:
    """What a node gave is bound by reference, read in the run, and left out where it gave nothing."""
    import asyncio

    store = ResultStore(tmp_path)
    reference = asyncio.run(write(store, {"said": {"word": "grüß"}}))
    wanted = {"all": {"a": {"$from": "a.said.word"}, "b": {"$from": "b.said"}}, "why": {"$fact": "refused"}}
    bound = bind(wanted, {"a": reference}, {"refused": {"b": "no"}})

    assert "grüß" not in str(bound)
    assert resolve(bound, store.fetch) == {"all": {"a": "grüß"}, "why": {"b": "no"}}


def test_a_result_that_was_changed_or_is_gone_is_noticed(tmp_path: Path) -> None:
    """A result is only ever what its digest says."""
    import asyncio

    store = ResultStore(tmp_path)
    reference = asyncio.run(write(store, {"x": 1}))
    file = next(tmp_path.rglob("*.json"))
    file.write_text('{"x":2}')
    with pytest.raises(ResultLost, match="not what was recorded"):
        store.fetch(reference)
    file.unlink()
    with pytest.raises(ResultLost, match="missing"):
        store.fetch(reference)
