"""The plan: a typed DAG of nodes with frozen authority, known by its digest."""

import hashlib
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, model_validator

from blocks.records.tables import Project
from capsules.manifest import Name, Version

NodeId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*$", max_length=120)]


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeAuthority(Frozen):
    """What a node may do, decided when it was planned; its run cannot widen it."""

    tools: dict[str, dict[str, Any]] = {}
    memory: list[str] = []
    budget: dict[str, float] = {}


class ApprovalSpec(Frozen):
    """The question that people answer before the node runs."""

    question: str
    show: dict[str, Any] = {}
    """What they are shown: names to values or to `{"$from": "node.output"}`."""


class PlanNode(Frozen):
    """One capsule version with bound inputs."""

    id: NodeId
    title: str
    capsule: Name
    version: Version
    inputs: dict[str, Any] = {}
    """Each a value, or `{"$from": "node.output"}`, or one of the driver's facts `{"$fact": "refused"}`."""
    needs: list[NodeId] = []
    tolerates: list[NodeId] = []
    """Those of `needs` that may be refused or fail without this node being skipped."""
    authority: NodeAuthority = NodeAuthority()
    runtime: Literal["inline", "process", "pod"] = "inline"
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    approval: ApprovalSpec | None = None


class Plan(Frozen):
    """What a project will do, whole; what people approve is its digest."""

    apiVersion: Literal["soma/v1"] = "soma/v1"  # noqa: N815  # the spelling that readers of such files know
    blueprint: str
    blueprint_version: str
    nodes: list[PlanNode]

    @model_validator(mode="after")
    def _is_a_dag(self) -> "Plan":
        names = [node.id for node in self.nodes]
        if len(set(names)) != len(names):
            raise ValueError("two nodes of a plan have the same id")
        for node in self.nodes:
            unknown = (set(node.needs) | set(node.tolerates) | sources(node.inputs)) - set(names)
            if unknown:
                raise ValueError(f"node {node.id!r} needs {sorted(unknown)}, which the plan does not have")
            unbound = (sources(node.inputs) | set(node.tolerates)) - set(node.needs)
            if unbound:
                raise ValueError(f"node {node.id!r} takes from {sorted(unbound)} without needing it")
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
        return next(node for node in self.nodes if node.id == name)


def sources(value: Any) -> set[str]:
    """The ids of the nodes that the value's `$from` references name."""
    if isinstance(value, dict):
        if set(value) == {"$from"}:
            return {str(value["$from"]).partition(".")[0]}
        return set().union(*(sources(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(sources(item) for item in value), set())
    return set()


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
