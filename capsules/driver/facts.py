"""Facts that only the driver knows, for the inputs of nodes and for the constitution."""

from typing import Any

from blocks.records.tables import Project
from capsules.binding import follow
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.plan import Plan, PlanNode

DELIVERABLES = "deliverables"
"""A capsule output of this name is an object with `files`, which the project hands over."""


def facts_for(opened: Environment, project: Project, node: PlanNode, standing: Standing) -> dict[str, Any]:
    """What `{"$fact": …}` in the inputs of the node may name."""
    return {
        "workspace": str(opened.settings.workspaces_path / project.id),
        "deliverables": str(opened.settings.deliverables_path / project.id),
        "refused": standing.refused(node),
        "provenance": {
            "project": project.id,
            "title": project.title,
            "requested_by": project.requested_by,
            "plan": project.plan_digest,
            "constitution": opened.constitution.current().digest,
            "capsules": {item.capsule: item.version for item in standing.plan.nodes},
        },
    }


def step_facts(node: PlanNode) -> dict[str, Any]:
    """What the constitution is told of a node before it starts."""
    return {
        "step": {
            "id": node.id,
            "capsule": node.capsule,
            "version": node.version,
            "runtime": node.runtime,
            "attempts": node.attempts,
            "approval": node.approval is not None,
            "tools": sorted(node.authority.tools),
            "memory": sorted(node.authority.memory),
            "budget": node.authority.budget,
        }
    }


async def collect_deliverables(opened: Environment, plan: Plan, standing: Standing) -> list[dict[str, Any]]:
    """The files that completed nodes handed over, in the order of the plan."""
    results = standing.results()
    found: list[dict[str, Any]] = []
    for node in plan.nodes:
        if node.id not in results or standing.state(node.id) != "completed":
            continue
        document = await opened.results.read(results[node.id])
        if DELIVERABLES in document:
            found += follow(document, f"{DELIVERABLES}.files")
    return found
