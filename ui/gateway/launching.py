"""May this project run? The constitution says so before anything of it does."""

from blocks.constitution.decisions import Decision
from blocks.identity import Principal
from blocks.records.tables import Project
from capsules.plan import launch_facts
from ui.gateway.hub import Hub
from ui.gateway.permits import asker, permit


async def permit_launch(hub: Hub, principal: Principal, project: Project) -> Decision:
    """The decision, durable when this returns; a refusal is raised, and durable as well."""
    context = asker(
        hub,
        principal,
        project=project.id,
        project_facts={
            "blueprint": project.blueprint,
            "requested_by": project.requested_by,
            "inputs": project.inputs,
            "workspace": str(hub.settings.workspaces_path / project.id),
        },
        environment=hub.settings.environment,
    )
    facts = launch_facts(project)
    return await permit(context, "project.launch", project.blueprint, facts, facts["launch"], effect=True)
