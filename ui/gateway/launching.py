"""May this project run? The constitution says so before anything of it does."""

from collections.abc import Mapping
from typing import Any

from blocks.constitution.decisions import Decision
from blocks.identity import Principal
from blocks.records.tables import Project
from capsules.environment import project_facts
from capsules.plan import launch_facts
from ui.gateway.hub import Hub
from ui.gateway.permits import asker, permit


async def permit_launch(hub: Hub, principal: Principal, project: Project) -> Decision:
    """The decision, durable when this returns; a refusal is raised, and durable as well."""
    return await permit_project(hub, principal, project, launch_facts(project))


async def permit_project(
    hub: Hub, principal: Principal, project: Project, facts: Mapping[str, Mapping[str, Any]]
) -> Decision:
    """The same for a project that is to run otherwise than it was planned: the facts say how."""
    context = asker(
        hub,
        principal,
        project=project.id,
        project_facts=project_facts(hub.settings, project),
        environment=hub.settings.environment,
    )
    return await permit(context, "project.launch", project.blueprint, facts, facts["launch"], effect=True)
