"""Facts that only the driver knows, for the inputs of nodes and for the constitution."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from blocks.context import RunContext
from blocks.errors import NotFound
from blocks.identity import Principal
from blocks.records.tables import Project
from blocks.triggers.origins import principal_of
from capsules.binding import follow
from capsules.catalogue import find_capsule
from capsules.driver.standing import Standing
from capsules.environment import Environment, project_facts
from capsules.intake import facts_in, take_request
from capsules.plan import PlanNode
from capsules.planned_facts import authority_of, capsule_fields

DELIVERABLES = "deliverables"
"""A capsule output of this name is an object with `files`, which the project hands over."""


def facts_for(opened: Environment, project: Project, node: PlanNode, standing: Standing) -> dict[str, Any]:
    """What `{"$fact": …}` in the inputs of the node names; only that, for some cost as much as the plan."""
    known: dict[str, Callable[[], Any]] = {
        "workspace": lambda: str(opened.settings.workspaces_path / project.id),
        "deliverables": lambda: str(opened.settings.deliverables_path / project.id),
        "refused": lambda: standing.refused(node),
        "provenance": lambda: {
            "project": project.id,
            "title": project.title,
            "requested_by": project.requested_by,
            "plan": project.plan_digest,
            "constitution": opened.constitution.of(project.tenant).current().digest,
            "capsules": {item.capsule: item.version for item in standing.nodes.values()},
        },
    }
    return {name: known[name]() for name in facts_in(node.inputs) if name in known}


def planned_context(opened: Environment, project: Project, node: PlanNode) -> RunContext:
    """The context in which a node is decided about before it starts; the asker acts, person or trigger."""
    context = RunContext(
        tenant=project.tenant,
        principal=principal_of(project)
        or Principal(tenant=project.tenant, name=project.requested_by, kind="user"),
        constitution=opened.constitution.of(project.tenant),
        audit=opened.audit,
        project=project.id,
        project_facts=project_facts(opened.settings, project),
        node=node.id,
        environment=opened.settings.environment,
        runtime=node.runtime,
        capsule=node.capsule,
        capsule_version=node.version,
        authority=authority_of(node),
    )
    take_request(context.trail, project)
    return replace(context, **_installed(node))


def _installed(node: PlanNode) -> dict[str, Any]:
    """What is known of the capsule's code; nothing of one that is not installed, or in another version."""
    try:
        entry = find_capsule(node.capsule)
    except NotFound:
        return {}
    return capsule_fields(entry.manifest, entry.digest) if entry.manifest.version == node.version else {}


async def collect_deliverables(opened: Environment, standing: Standing) -> list[dict[str, Any]]:
    """The files that completed nodes handed over, in the order of the plan."""
    results = standing.results()
    found: list[dict[str, Any]] = []
    for name, node in standing.nodes.items():
        if standing.state(name) != "completed" or name not in results or not _may_deliver(node):
            continue
        document = await opened.results.read(results[name])
        if DELIVERABLES in document:
            found += follow(document, f"{DELIVERABLES}.files")
    return found


def _may_deliver(node: PlanNode) -> bool:
    """Whether the node's result may hold files: what its capsule declares, if it is installed."""
    if node.each is not None:
        return False
    try:
        return DELIVERABLES in find_capsule(node.capsule).manifest.outputs
    except NotFound:
        return True
