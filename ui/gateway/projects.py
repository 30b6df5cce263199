"""Projects: plan one, launch it, look at it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from blocks.records import projects as records
from blocks.records.overview import Overview, read_overview
from blocks.records.tables import NodeRecord
from capsules.blueprint import get_blueprint
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.gateway.launching import permit_launch
from ui.gateway.planning import planned
from ui.wire import Approval, NewProject, Node, Project, ProjectDetail

router = APIRouter(prefix="/v1/projects", tags=["projects"])


@router.post("", status_code=201)
async def plan_project(asked: NewProject, hub: CurrentHub, principal: CurrentPrincipal) -> ProjectDetail:
    """Make a plan from a blueprint and its answers; nothing runs yet."""
    blueprint = get_blueprint(asked.blueprint)
    made, plan = planned(blueprint, dict(asked.inputs), principal, title=asked.title)
    project = await records.create_project(
        hub.database,
        tenant=made.tenant,
        title=made.title,
        blueprint=made.blueprint,
        inputs=made.inputs,
        plan=made.plan,
        plan_digest=made.plan_digest,
        nodes=plan.lines(),
        requested_by=made.requested_by,
    )
    return _detail(await read_overview(hub.database, project.id, tenant=principal.tenant))


@router.post("/{project}/launch", status_code=202)
async def launch_project(project: str, hub: CurrentHub, principal: CurrentPrincipal) -> Project:
    """Let the project run, if the constitution allows it."""
    found = await records.get_project(hub.database, project, tenant=principal.tenant)
    await permit_launch(hub, principal, found)
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
    return _detail(await read_overview(hub.database, project, tenant=principal.tenant))


def _detail(overview: Overview) -> ProjectDetail:
    nodes = overview.project.plan.get("nodes", [])
    needs = {node["id"]: node.get("needs", []) for node in nodes}
    said: dict[str, Any] = overview.project.model_dump()
    said["nodes"] = [_node(line, needs.get(line.node, [])) for line in overview.nodes]
    said["approvals"] = [Approval.model_validate(approval) for approval in overview.pending]
    said["last_event"] = overview.last_event
    return ProjectDetail.model_validate(said)


def _node(line: NodeRecord, needs: list[str]) -> Node:
    return Node.model_validate({**line.model_dump(), "needs": needs})
