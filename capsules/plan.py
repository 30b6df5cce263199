"""The plan: a typed DAG of nodes with frozen authority, known by its digest."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, ClassVar, Literal

import rfc8785
from pydantic import Field, model_validator

from blocks.constitution.closeness import closest
from blocks.records.tables import NodeRecord, Project
from capsules.authority import NodeAuthority as NodeAuthority  # noqa: PLC0414  # a part of the plan's words
from capsules.conditions import parse_when
from capsules.frozen import Frozen
from capsules.node import ApprovalSpec as ApprovalSpec  # noqa: PLC0414  # a part of the plan's words
from capsules.node import PlanNode as PlanNode  # noqa: PLC0414  # a part of the plan's words
from capsules.references import sources as sources  # noqa: PLC0414  # it began here

BUDGETS = ("seconds", "tool_calls", "tokens", "money")
UNDOING = "undo."
"""Nodes that take back what others did are named so at run time."""
After = Literal["keep", "undo"]


class Plan(Frozen):
    """What a project will do, whole; what people approve is its digest."""

    later: ClassVar[frozenset[str]] = frozenset(("on_failure", "on_cancel", "deadline", "priority", "budget"))

    apiVersion: Literal["soma/v1"] = "soma/v1"  # noqa: N815  # the spelling that readers of such files know
    blueprint: str
    blueprint_version: str
    nodes: list[PlanNode]
    on_failure: After = "keep"
    """Whether what completed nodes did is taken back when the project fails or is refused."""
    on_cancel: After = "keep"
    """The same for a project that is cancelled."""
    deadline: Annotated[float, Field(gt=0)] | None = None
    """Seconds from its launch after which the project is cancelled."""
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    """Among projects that compete for the same place, the higher goes first."""
    budget: dict[str, Annotated[float, Field(ge=0)]] = {}
    """What the whole project may use up, by kind."""

    @model_validator(mode="after")
    def _is_a_dag(self) -> "Plan":
        names = [node.id for node in self.nodes]
        if len(set(names)) != len(names):
            raise ValueError("two nodes of a plan have the same id")
        known = set(names)
        for node in self.nodes:
            if problem := next(_problems(node, known), None):
                raise ValueError(f"node {node.id!r} {problem}")
        for problem in _name_problems(self):
            raise ValueError(problem)
        try:
            TopologicalSorter({node.id: node.needs for node in self.nodes}).prepare()
        except CycleError as error:
            raise ValueError(f"the plan goes in a circle: {' -> '.join(error.args[1])}") from None
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over the plan's canonical JSON (RFC 8785)."""
        return "sha256:" + hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()

    def lines(self) -> list[dict[str, Any]]:
        """The ledger's lines for the plan, in its order."""
        return [
            {"node": node.id, "title": node.title, "capsule": node.capsule, "version": node.version}
            for node in self.nodes
        ]

    def node(self, name: str) -> PlanNode:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, PlanNode]:
        return {node.id: node for node in self.nodes}


def _problems(node: PlanNode, known: set[str]) -> Iterator[str]:
    taken = sources([node.inputs, node.each])
    unknown = (set(node.needs) | set(node.tolerates) | taken) - known
    if unknown:
        yield f"needs {sorted(unknown)}, which the plan does not have{closest(min(unknown), known)}"
    revised = node.approval.revises if node.approval else None
    if revised is not None and revised != node.id and revised not in known:
        yield f"lets {revised!r} be revised, which the plan does not have{closest(revised, known)}"
    unbound = (taken | set(node.tolerates)) - set(node.needs)
    if unbound:
        yield f"takes from {sorted(unbound)} without needing it"
    if node.when is not None:
        try:
            parse_when(node.when, node.needs)
        except ValueError as error:
            yield f"has a wrong condition: {error}"


def _name_problems(plan: Plan) -> Iterator[str]:
    names = [node.id for node in plan.nodes]
    for name in names:
        if name.startswith(UNDOING):
            yield f"node {name!r}: names that begin with {UNDOING!r} are the hub's own"
    for parent in (node.id for node in plan.nodes if node.has_children):
        for name in names:
            if name.startswith(f"{parent}."):
                yield f"node {name!r} is named like a child of {parent!r}; rename it"
    for kind in set(plan.budget) - set(BUDGETS):
        yield f"there is no budget of {kind!r}{closest(kind, BUDGETS)}"


def planned_node(plan: Mapping[str, Any], line: NodeRecord) -> PlanNode:
    """The node of a ledger line: what was made of it at run time, else as in the plan's document."""
    if line.spec is not None:
        return PlanNode.model_validate(line.spec)
    return PlanNode.model_validate(next(node for node in plan["nodes"] if node["id"] == line.node))


def launch_facts(project: Project) -> dict[str, dict[str, Any]]:
    """What the constitution is told of a project before it is launched."""
    return {
        "launch": {
            "blueprint": project.blueprint,
            "version": str(project.plan.get("blueprint_version", "")),
            "digest": project.plan_digest,
            "nodes": len(project.plan.get("nodes", [])),
            "inputs": project.inputs,
        }
    }
