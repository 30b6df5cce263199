"""The nodes that a node becomes at run time: one for each item of a list, or the parts that it planned.

What comes out of a result stays a reference into that result. So a thousand children hold no copies of
their items, and whoever judges what a child takes in sees where it came from.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from blocks.errors import NotFound, SomaError
from blocks.records.expansion import Child
from capsules.authority import NodeAuthority
from capsules.blueprint_nodes import Step
from capsules.catalogue import find_capsule
from capsules.manifest import Name, Version
from capsules.node import LATER, MOST_CHILDREN, PlanNode, Undo
from capsules.plan import Plan
from capsules.references import is_reference, markers, rebase, target
from capsules.runtime import planned_kind

Place = Callable[[list[str | int]], Any]
"""What stands for the part of an item, or of a document, at a path."""
DEEPEST = 8
"""How often nodes that came at run time may become others."""
_ALLOWED = frozenset({"$from", "$fact", "$item", "$index"})


class CannotExpand(SomaError):
    """The node cannot become the nodes that it asks for."""

    status = 422


class Part(Step):
    """A node document in a capsule's output: as in a blueprint, without answers."""

    id: Name
    version: Version | None = None
    """The installed one unless given."""
    memory: list[str] | None = None
    """Fewer scopes than the capsule declares; all that the parent has unless given."""
    budget: dict[str, float] | None = None


def map_children(node: PlanNode, count: int, item: Callable[[int], Place]) -> list[Child]:
    """A child for each of `count` items; `item(index)` gives what stands for parts of that item."""
    return [_mapped(node, index, count, item(index)) for index in range(count)]


def _mapped(node: PlanNode, index: int, count: int, item: Place) -> Child:
    name = f"{node.id}.{index}"
    changes = {
        **_blank("each", "parallel", "may_fail", "when", "at_least"),
        "id": name,
        "title": f"{node.title} ({index + 1} of {count})",
        "inputs": fill(node.inputs, item, index),
        "tolerates": list(node.needs),  # the node itself has waited for them, and goes without some
        "approval": None,
        "undo": node.undo and _undo_of(node.undo, name),
    }
    return _child(node.model_copy(update=changes))


def fill(value: Any, item: Place, index: int) -> Any:
    """The value with `$item` and `$index` replaced."""
    if isinstance(value, dict):
        if set(value) == {"$item"}:
            return item(target(f".{value['$item']}")[1] if value["$item"] else [])
        if set(value) == {"$index"}:
            return index
        return {name: fill(part, item, index) for name, part in value.items()}
    return [fill(part, item, index) for part in value] if isinstance(value, list) else value


def plan_children(parent: PlanNode, documents: Any, reference: Mapping[str, Any]) -> list[Child]:
    """The nodes that a capsule planned as its output; `reference` is that of the result they stand in.

    Raises `CannotExpand` that names each document that is not one, asks for too much, or takes from nowhere.
    """
    place = str(parent.expand)
    if not isinstance(documents, list):
        raise CannotExpand(f"`{place}` is a {type(documents).__name__} and not a list of node documents")
    if len(documents) > MOST_CHILDREN:
        raise CannotExpand(f"`{place}` has {len(documents):,} nodes; at most {MOST_CHILDREN:,} are allowed")
    if parent.id.count(".") >= DEEPEST:
        raise CannotExpand(f"nodes have become others {DEEPEST} times already")
    nodes: list[PlanNode] = []
    problems: list[str] = []
    for index, document in enumerate(documents):
        try:
            nodes.append(_part(parent, document))
        except (ValueError, NotFound) as error:
            problems.append(f"{place}[{index}]{_told(error)}")
    if problems:
        raise CannotExpand("; ".join(problems))
    _check_dag(place, nodes)
    return [
        _child(_absolute(parent, node, {"$result": dict(reference)}, [place, index]))
        for index, node in enumerate(nodes)
    ]


def _part(parent: PlanNode, document: Any) -> PlanNode:
    part = Part.model_validate(document)
    strange = markers([part.inputs, part.each, part.approval and part.approval.show]) - _ALLOWED
    strange |= markers(part.undo and part.undo.inputs) - {"$from"}
    if strange:
        raise ValueError(f"`{min(strange)}` has no meaning in a node that comes at run time")
    manifest = find_capsule(part.capsule).manifest
    if part.version not in {None, manifest.version}:
        raise ValueError(f"{part.capsule} {part.version} is not installed, {manifest.version} is")
    later = {name: getattr(part, name) for name in LATER}
    return PlanNode(
        id=part.id,
        title=part.title,
        capsule=manifest.name,
        version=manifest.version,
        inputs=part.inputs,
        needs=part.needs,
        tolerates=part.tolerates,
        authority=_authority(parent.authority, part),
        runtime=planned_kind(manifest.runtime),
        attempts=manifest.runtime.attempts,
        approval=part.approval,
        **later,
    )


def _authority(most: NodeAuthority, part: Part) -> NodeAuthority:
    """What the part asks for, which its parent must have; of what it does not ask for, what both have."""
    manifest = find_capsule(part.capsule).manifest
    declared = NodeAuthority(
        tools=manifest.tools, memory=list(manifest.memory), budget=manifest.budget.limits()
    )
    unknown = sorted(set(part.tools or ()) - set(declared.tools))
    if unknown:
        raise ValueError(f"capsule {part.capsule!r} does not declare the tool {unknown[0]!r}")
    shared = most.shared_with(declared)
    tools = (
        shared.tools
        if part.tools is None
        else most.hand_on(NodeAuthority(tools={name: declared.tools[name] for name in part.tools})).tools
    )
    asked = NodeAuthority(memory=part.memory or [], budget=part.budget or {})
    given = most.hand_on(asked)
    return NodeAuthority(
        tools=tools,
        memory=shared.memory if part.memory is None else given.memory,
        budget={**shared.budget, **(part.budget or {})},
    )


def _check_dag(place: str, nodes: list[PlanNode]) -> None:
    try:
        Plan(blueprint=place, blueprint_version="0.0.0", nodes=nodes)
    except ValidationError as error:
        raise CannotExpand(f"{place}{_told(error)}") from None


def _absolute(parent: PlanNode, node: PlanNode, result: dict[str, Any], path: list[str | int]) -> PlanNode:
    """The node with its whole name, and with its values as references into the result they stand in."""

    def named(name: str) -> str:
        return f"{parent.id}.{name}"

    def within(sibling: str, steps: list[str | int]) -> Any:
        return {"$from": [named(sibling), *steps]}

    def referred(value: Any, steps: list[str | int]) -> Any:
        if is_reference(value):
            return rebase(value, within)
        if not markers(value):
            return {**result, "path": steps}
        if isinstance(value, dict):
            if len(value) == 1 and set(value) <= _ALLOWED:
                return value
            return {name: referred(item, [*steps, name]) for name, item in value.items()}
        return [referred(item, [*steps, place]) for place, item in enumerate(value)]

    approval = node.approval
    if approval is not None:
        approval = approval.model_copy(update={"show": rebase(approval.show, within)})
    changes = {
        "id": named(node.id),
        "needs": [named(need) for need in node.needs],
        "tolerates": [named(need) for need in node.tolerates],
        "inputs": {name: referred(value, [*path, "inputs", name]) for name, value in node.inputs.items()},
        "each": node.each and referred(node.each, [*path, "each"]),
        "approval": approval,
        "undo": node.undo and _undo_of(node.undo, named(node.id)),
    }
    return node.model_copy(update=changes)


def _undo_of(undo: Undo, node: str) -> Undo:
    inputs = rebase(undo.inputs, lambda _, steps: {"$from": [node, *steps]})
    return undo.model_copy(update={"inputs": inputs})


def _blank(*names: str) -> dict[str, Any]:
    return {name: PlanNode.model_fields[name].default for name in names}


def _child(node: PlanNode) -> Child:
    spec = node.model_dump(mode="json", exclude_defaults=True)
    PlanNode.model_validate(spec)  # such as a name that has grown too long
    return Child(node=node.id, title=node.title, capsule=node.capsule, version=node.version, spec=spec)


def _told(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f": {error}"
    told = []
    for item in error.errors()[:5]:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in item["loc"])
        told.append(f"{where}: {str(item['msg']).removeprefix('Value error, ')}")
    return ", ".join(told)
