"""Inputs that a person changes in a node that is to be done anew."""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.editing import check_edits
from blocks.errors import NotFound
from blocks.records.tables import NodeRecord, Project
from capsules.blueprint import get_blueprint
from capsules.catalogue import find_capsule
from capsules.plan import launch_facts


def check_changed(lines: list[NodeRecord], node: str, inputs: Mapping[str, Any]) -> None:
    """`BadInput` unless the node's capsule takes each of these inputs, of these types, as plain values."""
    line = next((line for line in lines if line.node == node), None)
    if line is None:
        raise NotFound(
            f"the project has no node {node!r}; it has {', '.join(item.node for item in lines[:20])}"
        )
    known = find_capsule(line.capsule).manifest.inputs
    check_edits({"schema": {name: taken.schema_fragment() for name, taken in known.items()}}, inputs)


def changed_facts(project: Project, node: str | None, inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the constitution is told of a project that is to go on otherwise: its launch, as it is now meant.

    A changed input stands in the place of the answer that it came from, and of one that has its name, so
    that articles about that answer see the new value.
    """
    facts = launch_facts(project)
    answers = {answer: inputs[name] for name, answer in _answers(project.blueprint, node) if name in inputs}
    launch = {**facts["launch"], "inputs": {**project.inputs, **inputs, **answers}}
    return {**facts, "launch": launch}


def _answers(blueprint: str, node: str | None) -> Iterator[tuple[str, str]]:
    """The inputs of the blueprint's node that are an answer, and which."""
    try:
        steps = get_blueprint(blueprint).nodes
    except NotFound:
        return
    for step in steps:
        for name, value in step.inputs.items() if step.id == node else ():
            if isinstance(value, dict) and set(value) == {"$answer"}:
                yield name, str(value["$answer"])
