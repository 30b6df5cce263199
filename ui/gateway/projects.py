"""Projects: plan one, launch it, look at it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from blocks.records import projects as records
from blocks.records.approvals import list_approvals
from blocks.records.events import newest_event
from blocks.records.ledger import list_nodes
from blocks.records.tables import Project as ProjectRow
from capsules.blueprint import get_blueprint
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.launching import permit_launch
from ui.wire import Approval, NewProject, Node, Project, ProjectDetail

router = APIRouter(prefix="/v1/projects", tags=["projects"])


@router.post("", status_code=201)
async def plan_project(asked: NewProject, hub: CurrentHub, principal: CurrentPrincipal) -> ProjectDetail:
    """Make a plan from a blueprint and its answers; nothing runs yet."""
    blueprint = get_blueprint(asked.blueprint)
    plan = blueprint.plan(dict(asked.inputs))
    project = await records.create_project(
        hub.database,
        tenant=principal.tenant,
        title=asked.title or blueprint.title,
        blueprint=blueprint.name,
        inputs=asked.inputs,
        plan=plan.model_dump(mode="json"),
        plan_digest=plan.digest,
        nodes=[
            {"node": node.id, "title": node.title, "capsule": node.capsule, "version": node.version}
            for node in plan.nodes
        ],
        requested_by=principal.name,
    )
    return await _detail(hub, project, 0)


@router.post("/{project}/launch", status_code=202)
async def launch_project(project: str, hub: CurrentHub, principal: CurrentPrincipal) -> Project:
    """Let the project run, if the constitution allows it."""
    planned = await records.get_project(hub.database, project, tenant=principal.tenant)
    await permit_launch(hub, principal, planned)
    launched = await records.mark_launched(hub.database, project, tenant=principal.tenant)
    await hub.drivers.start_surely(project, "launch")
    return Project.model_validate(launched)


@router.get("")
async def list_projects(
    hub: CurrentHub, principal: CurrentPrincipal, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[Project]:
    """The tenant's projects, newest first."""
    found = await records.list_projects(hub.database, tenant=principal.tenant, limit=limit)
    return [Project.model_validate(project) for project in found]


@router.get("/{project}")
async def show_project(project: str, hub: CurrentHub, principal: CurrentPrincipal) -> ProjectDetail:
    """One project with its nodes, its deliverables and what it asks people."""
    last = await newest_event(hub.database, project)
    found = await records.get_project(hub.database, project, tenant=principal.tenant)
    return await _detail(hub, found, last)


async def _detail(hub: Hub, project: ProjectRow, last: int) -> ProjectDetail:
    needs = {node["id"]: node.get("needs", []) for node in project.plan.get("nodes", [])}
    lines = await list_nodes(hub.database, project.id)
    pending = await list_approvals(hub.database, tenant=project.tenant, state="pending", project=project.id)
    said: dict[str, Any] = project.model_dump()
    said["nodes"] = [
        Node.model_validate({**line.model_dump(), "needs": needs.get(line.node, [])}) for line in lines
    ]
    said["last_event"] = last
    said["approvals"] = [Approval.model_validate(approval) for approval in pending]
    return ProjectDetail.model_validate(said)
