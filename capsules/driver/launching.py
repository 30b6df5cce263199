"""Launching a project past the gateway: for a trigger, a schedule, or somebody at Prefect's UI."""

from dataclasses import replace

from blocks.context import RunContext, running
from blocks.errors import Refusal
from blocks.records.deliveries import note_started
from blocks.records.plan_once import refuse_planned
from blocks.records.projects import mark_launched
from blocks.records.tables import Project
from blocks.triggers.origins import principal_of
from capsules.environment import Environment, project_facts, service_context
from capsules.intake import take_request
from capsules.plan import launch_facts
from tasks.governed import decide


async def launch(opened: Environment, project: Project) -> None:
    """Let the planned project run if the constitution allows it; else a trigger's project has ended."""
    context = launch_context(opened, project)
    try:
        with running(context):
            await decide("project.launch", project.blueprint, launch_facts(project), effect=True)
    except Refusal as refusal:
        if principal_of(project) is not None:
            await refuse_planned(opened.database, project, refusal.message)
        raise
    await mark_launched(opened.database, project.id, tenant=project.tenant)
    await note_started(opened.database, project)


def launch_context(opened: Environment, project: Project) -> RunContext:
    """Who launches it: the trigger, on behalf of whoever made it; else the hub's own service."""
    service = service_context(opened)
    context = replace(
        service,
        tenant=project.tenant,
        principal=principal_of(project) or service.principal,
        constitution=opened.constitution.of(project.tenant),
        project=project.id,
        project_facts=project_facts(opened.settings, project),
    )
    take_request(context.trail, project)
    return context
