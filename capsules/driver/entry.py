"""The way into the driver: one at a time, on a project that was launched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.client.schemas import State
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Failed

from blocks.errors import Refusal, StaleAttempt
from blocks.records.control import cancel_if_overdue, noticed_in_prefect
from blocks.records.leases import living_driver
from blocks.records.projects import get_project, take_over
from blocks.records.tables import FINAL_PROJECT_STATES, Project
from blocks.tracing.spans import span
from capsules.driver.driver import Driver
from capsules.driver.launching import launch
from capsules.driver.suspending import leave_suspending_to_the_hub, stay_paused
from capsules.environment import Environment, environment

PATIENCE = 10.0
"""Seconds to wait for a driver that is about to leave; one that stays does the work itself."""


async def drive_project(project_id: str) -> State:
    """Drive the project and return the state that tells how it stands, for Prefect to show."""
    leave_suspending_to_the_hub()
    try:
        async with environment() as opened, _sole_driver(opened, project_id) as sole:
            if not sole:
                return Completed(name="AlreadyDriven", message="another driver is at work on this project")
            return await _drive(opened, project_id)
    except StaleAttempt as stale:
        return Completed(name="Superseded", message=stale.message)


async def _drive(opened: Environment, project_id: str) -> State:
    project = await get_project(opened.database, project_id)
    facts = {"soma.project": project.id, "soma.tenant": project.tenant, "soma.blueprint": project.blueprint}
    with span("drive project", facts, parent=project.trace):
        return await _from_where_it_stands(opened, project)


async def _from_where_it_stands(opened: Environment, project: Project) -> State:
    if project.state in FINAL_PROJECT_STATES:
        return _shown(project.state, project.reason)
    if project.state == "paused" and not await _goes_on(opened, project):
        return _shown("paused", project.reason)
    try:
        if project.state == "planned":
            await launch(opened, project)
        project = await take_over(opened.database, project.id, driver_run=_flow_run(), holder=opened.lease.id)
        state, reason = await Driver(opened, project).drive()
        if state == "paused":
            await stay_paused(reason)
        return _shown(state, reason)
    except Refusal as refusal:
        return _shown("denied", refusal.message)


async def _goes_on(opened: Environment, project: Project) -> bool:
    """Whether a paused project is to be driven: its own run was resumed in Prefect, or its time is over."""
    if project.driver_run is not None and project.driver_run == _flow_run():
        return await noticed_in_prefect(opened.database, project.id, "RUNNING")
    return await cancel_if_overdue(opened.database, project.id) is not None


@asynccontextmanager
async def _sole_driver(opened: Environment, project_id: str) -> AsyncIterator[bool]:
    """Be the only driver, waiting a little for one that is leaving.

    The lock is the quick way to be alone. It is not enough, for a restart of PostgreSQL frees it while its
    driver lives; and not needed where its driver is known to be dead, while PostgreSQL still keeps a
    connection to a machine that is gone. The fence makes it safe where two should meet all the same.
    """
    await opened.lease.take("driver", _flow_run())
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        async with opened.database.lock(f"project:{project_id}") as held:
            driver = await living_driver(opened.database, project_id, opened.settings.lease_seconds)
            alone = driver is None or driver.id == opened.lease.id
            late = asyncio.get_running_loop().time() > deadline
            if late or (held and alone):
                yield alone
                return
        await asyncio.sleep(0.2)


def _shown(state: str, reason: str | None) -> State:
    names = {"awaiting_approval": "AwaitingApproval", "denied": "PolicyDenied"}
    if state == "cancelled":
        return Cancelled(message=reason)
    make = Completed if state in {"completed", "awaiting_approval", "waiting", "paused"} else Failed
    return make(name=names.get(state, state.capitalize()), message=reason)


def _flow_run() -> str | None:
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else None
