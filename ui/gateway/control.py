"""A hand on projects that go on: pause, resume, cancel, deadlines, nodes done anew, forks, and history."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from fastapi import APIRouter

from blocks.identity import Principal
from blocks.records import control, forks, projects, reruns
from blocks.records.history import node_history
from blocks.records.leases import living_driver
from blocks.records.ledger import list_nodes
from blocks.records.project_changes import Want
from blocks.records.tables import Project, now
from capsules.changed_inputs import changed_facts, check_changed
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.launching import permit_project
from ui.wire_control import (
    Controlled,
    DeadlineAsked,
    ForkAsked,
    Forked,
    NodeHistory,
    Rerun,
    RerunAsked,
    Wish,
)

router = APIRouter(prefix="/v1/projects", tags=["control"])


@router.get("/{project}/control")
async def show_control(project: str, hub: CurrentHub, principal: CurrentPrincipal) -> Controlled:
    """What people want of the project, and until when."""
    return await _shown(hub, project, principal)


@router.post("/{project}/pause")
async def pause_project(
    project: str, hub: CurrentHub, principal: CurrentPrincipal, asked: Wish | None = None
) -> Controlled:
    """Start nothing new of the project; what is at work may end."""
    await _want(hub, principal, project, "pause", asked)
    return await _shown(hub, project, principal)


@router.post("/{project}/resume")
async def resume_project(
    project: str, hub: CurrentHub, principal: CurrentPrincipal, asked: Wish | None = None
) -> Controlled:
    """Let a paused project go on."""
    before = await _want(hub, principal, project, "run", asked)
    if before.state == "paused":
        await _set_going(hub, before)
    return await _shown(hub, project, principal)


@router.post("/{project}/cancel", status_code=202)
async def cancel_project(
    project: str, hub: CurrentHub, principal: CurrentPrincipal, asked: Wish | None = None
) -> Controlled:
    """End what is at work, gently and then by force, take back what the plan says, and end the project."""
    before = await _want(hub, principal, project, "cancel", asked)
    if before.state != "planned":
        await _set_going(hub, before)
    return await _shown(hub, project, principal)


@router.post("/{project}/deadline")
async def set_deadline(
    project: str, asked: DeadlineAsked, hub: CurrentHub, principal: CurrentPrincipal
) -> Controlled:
    """Have the project cancelled unless it has ended by then; no moment takes the deadline away."""
    at = now() + timedelta(seconds=asked.seconds) if asked.seconds is not None else asked.at
    await control.set_deadline(hub.database, project, at, by=principal.name, tenant=principal.tenant)
    return await _shown(hub, project, principal)


@router.post("/{project}/rerun", status_code=202)
async def rerun_project(
    project: str, asked: RerunAsked, hub: CurrentHub, principal: CurrentPrincipal
) -> Rerun:
    """Let a node and all that stands on it be done anew; the constitution decides about changed inputs."""
    if asked.inputs:
        found = await projects.get_project(hub.database, project, tenant=principal.tenant)
        await _permit_changes(hub, principal, found, project, asked)
    done = await reruns.rerun_from(
        hub.database,
        project,
        asked.node,
        asked.inputs,
        by=principal.name,
        reason=asked.reason,
        tenant=principal.tenant,
    )
    if done.idle:
        await hub.drivers.start_surely(project, f"rerun-{uuid4().hex}")
    return Rerun.model_validate({**done.project.model_dump(), "reset": done.reset})


@router.post("/{project}/fork", status_code=201)
async def fork_project(
    project: str, asked: ForkAsked, hub: CurrentHub, principal: CurrentPrincipal
) -> Forked:
    """A project that goes on from what this one has recorded, launched if the constitution allows it."""
    fork = await forks.prepare_fork(
        hub.database,
        project,
        tenant=principal.tenant,
        by=principal.name,
        node=asked.node,
        at=asked.at,
        inputs=asked.inputs,
        title=asked.title,
    )
    await _permit_changes(hub, principal, fork.project, project, asked)
    made = await forks.record_fork(hub.database, fork, by=principal.name)
    await projects.mark_launched(hub.database, made.id, tenant=principal.tenant)
    await hub.drivers.start_surely(made.id, "launch")
    shown = await _shown(hub, made.id, principal)
    return Forked(**shown.model_dump(), carried=fork.carried)


@router.get("/{project}/nodes/{node}/history")
async def show_history(project: str, node: str, hub: CurrentHub, principal: CurrentPrincipal) -> NodeHistory:
    """A node with every attempt at it, and what it had come to before it was done anew."""
    found = await node_history(hub.database, project, node, tenant=principal.tenant)
    return NodeHistory.model_validate(
        {
            **found.line.model_dump(),
            "inputs": found.spec.get("inputs", {}),
            "attempts": [attempt.model_dump() for attempt in found.attempts],
            "former": found.former,
        }
    )


async def _want(hub: Hub, principal: Principal, project: str, want: Want, asked: Wish | None) -> Project:
    """Record the wish; the project as it was before."""
    reason = asked.reason if asked else ""
    return await control.set_control(
        hub.database, project, want, by=principal.name, reason=reason, tenant=principal.tenant
    )


async def _set_going(hub: Hub, before: Project) -> None:
    """Have the project driven: by its paused run, if it has one, else by a new one where none is at work."""
    if before.state == "paused" and before.driver_run and await hub.drivers.resume(before.driver_run):
        return
    if before.state == "running" and await living_driver(hub.database, before.id, hub.settings.lease_seconds):
        return
    await hub.drivers.start_surely(before.id, f"go-on-{uuid4().hex}")


async def _permit_changes(
    hub: Hub, principal: Principal, project: Project, source: str, asked: RerunAsked | ForkAsked
) -> None:
    """Let the constitution decide about a project with the nodes of `source`, but for what is asked."""
    if asked.inputs and asked.node is not None:
        lines = await list_nodes(hub.database, source)
        await asyncio.to_thread(
            check_changed, lines, asked.node, asked.inputs
        )  # its first call imports slowly
    await permit_project(hub, principal, project, changed_facts(project, asked.node, asked.inputs))


async def _shown(hub: Hub, project: str, principal: Principal) -> Controlled:
    found = await projects.get_project(hub.database, project, tenant=principal.tenant)
    return Controlled.model_validate(found)
