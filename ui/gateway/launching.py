"""May this project run? The constitution says so before anything of it does."""

from blocks.constitution.decisions import Decision
from blocks.identity import Principal
from blocks.records.tables import Project
from capsules.environment import project_facts
from capsules.plan import launch_facts
from ui.gateway.hub import Hub
from ui.gateway.permits import asker, permit


async def permit_launch(hub: Hub, principal: Principal, project: Project) -> Decision:
    """The decision, durable when this returns; a refusal is raised, and durable as well."""
    context = asker(
        hub,
        principal,
        project=project.id,
        project_facts=project_facts(hub.settings, project),
        environment=hub.settings.environment,
    )
    facts = launch_facts(project)
    return await permit(context, "project.launch", project.blueprint, facts, facts["launch"], effect=True)
