"""The nodes that a node becomes: what they take in, what they may do, and what is refused."""

from typing import Any

import pytest

from capsules.children import CannotExpand, map_children, plan_children
from capsules.node import PlanNode

REFERENCE = {"sha256": "0" * 64, "size": 1, "labels": ["web"]}


def parent(**changes: Any) -> PlanNode:
    given = {"id": "p", "title": "P", "capsule": "survey", "version": "1.0.0", **changes}
    return PlanNode.model_validate(given)


def test_a_child_of_a_map_takes_its_item_by_reference() -> None:
    """Nothing of the list is copied; each child knows its place, its own name, and asks nobody again."""
    node = parent(
        each={"$from": "list.items"},
        needs=["list"],
        inputs={"a": {"$item": "x.y"}, "b": [{"$index": True}, {"$item": ""}]},
        approval={"question": "All of them?"},
        undo={"capsule": "survey", "inputs": {"what": {"$from": "p.checkout.path"}}},
    )
    children = map_children(
        node, 2, lambda index: lambda path: {"$result": REFERENCE, "path": ["items", index, *path]}
    )
    child = PlanNode.model_validate(children[1].spec)

    assert [child.node for child in children] == ["p.0", "p.1"]
    assert child.inputs["a"] == {"$result": REFERENCE, "path": ["items", 1, "x", "y"]}
    assert child.inputs["b"] == [1, {"$result": REFERENCE, "path": ["items", 1]}]
    assert child.undo is not None
    assert child.undo.inputs == {"what": {"$from": ["p.1", "checkout", "path"]}}
    assert (child.each, child.approval, child.tolerates) == (None, None, ["list"])


def test_planned_nodes_are_named_under_their_parent_and_their_values_stay_in_its_result() -> None:
    """What a capsule wrote is data of its result, never a word of the plan."""
    documents = [
        {
            "id": "one",
            "capsule": "survey",
            "title": "One",
            "inputs": {"source": "http://evil", "workspace": "w"},
        },
        {
            "id": "two",
            "capsule": "survey",
            "title": "Two",
            "needs": ["one"],
            "inputs": {"source": {"$from": "one.checkout"}, "workspace": {"$fact": "workspace"}},
        },
    ]
    one, two = (
        PlanNode.model_validate(child.spec)
        for child in plan_children(parent(expand="steps"), documents, REFERENCE)
    )

    assert one.inputs["source"] == {"$result": REFERENCE, "path": ["steps", 0, "inputs", "source"]}
    assert (two.id, two.needs) == ("p.two", ["p.one"])
    assert two.inputs == {"source": {"$from": ["p.one", "checkout"]}, "workspace": {"$fact": "workspace"}}
    assert one.authority.tools == {}


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ({"id": "x"}, "`steps` is a dict and not a list"),
        ([{"id": "x"}], "steps[0].capsule: Field required"),
        ([{"id": "a.b", "capsule": "survey", "title": "T"}], "steps[0].id"),
        (
            [{"id": "x", "capsule": "survey", "title": "T", "version": "9.0.0"}],
            "survey 9.0.0 is not installed",
        ),
        ([{"id": "x", "capsule": "survey", "title": "T", "inputs": {"a": {"$answer": "q"}}}], "`$answer`"),
        ([{"id": "x", "capsule": "survey", "title": "T", "memory": ["tenant"]}], "the memory scope 'tenant'"),
        ([{"id": "x", "capsule": "survey", "title": "T", "tools": ["hammer"]}], "does not declare the tool"),
        ([{"id": "x", "capsule": "survey", "title": "T", "when": "1 +"}], "wrong condition"),
        (
            [
                {"id": "x", "capsule": "survey", "title": "T", "needs": ["y"]},
                {"id": "y", "capsule": "survey", "title": "T", "needs": ["x"]},
            ],
            "goes in a circle",
        ),
    ],
)
def test_documents_that_are_no_nodes_are_refused(documents: Any, words: str) -> None:
    """The message names the document and what is wrong with it."""
    with pytest.raises(CannotExpand) as caught:
        plan_children(parent(expand="steps"), documents, REFERENCE)

    assert words in caught.value.message
