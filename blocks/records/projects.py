"""Projects: made from a plan, launched once, driven by one driver at a time."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, exists, func, update
from sqlalchemy.orm import defer
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import Conflict, NotFound, Overtaken, StaleAttempt
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.notices import add_notice
from blocks.records.patience import patient
from blocks.records.tables import (
    FINAL_PROJECT_STATES,
    Approval,
    Holder,
    NodeRecord,
    Project,
    ProjectState,
    now,
)
from blocks.records.text import storable
from blocks.tracing.spans import traceparent

_LIGHT = (defer(col(Project.plan)), defer(col(Project.inputs)), defer(col(Project.deliverables)))  # type: ignore[arg-type]  # SQLModel's columns are SQLAlchemy's
GRACE = timedelta(seconds=10)
"""How long a project that was just launched may be without a driver."""


async def create_project(
    database: Database,
    *,
    tenant: str,
    title: str,
    blueprint: str,
    inputs: dict[str, Any],
    plan: dict[str, Any],
    plan_digest: str,
    nodes: list[dict[str, Any]],
    requested_by: str,
) -> Project:
    """Record a planned project and a ledger line for each node, all or nothing.

    `nodes` are dicts with `node`, `title`, `capsule` and `version`, in the order in which they are shown.
    """
    project = Project(
        tenant=tenant,
        title=title,
        blueprint=blueprint,
        inputs=inputs,
        plan=plan,
        plan_digest=plan_digest,
        requested_by=requested_by,
    )
    async with database.session() as session:
        session.add(project)
        await session.flush()
        for position, node in enumerate(nodes):
            session.add(NodeRecord(project=project.id, position=position, **node))
        add_event(session, project.id, "project.state", data={"state": "planned"})
    return project


@patient
async def get_project(database: Database, project: str, *, tenant: str | None = None) -> Project:
    """The project, or `NotFound`, also when it belongs to another tenant."""
    async with database.session() as session:
        found = await session.get(Project, project)
    if found is None or (tenant is not None and found.tenant != tenant):
        raise NotFound(f"there is no project {project!r}; `soma status` lists them")
    return found


@patient
async def list_projects(database: Database, *, tenant: str | None = None, limit: int = 50) -> list[Project]:
    """The newest projects first; of every tenant when none is named."""
    query = select(Project)
    if tenant is not None:
        query = query.where(Project.tenant == tenant)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Project.created_at).desc()).limit(limit)))


@patient
async def undriven_projects(database: Database) -> list[Project]:
    """The projects that a process should be at work on, and none is that is not known to be dead.

    Those are the running ones and the cancelling ones, those whose moment has come, and those that wait
    for somebody while their deadline passes.
    """
    called = (col(Project.deadline_at) <= func.now()) & (col(Project.control) != "cancel")
    woken = (col(Project.state) == "waiting") & (col(Project.wake_at) <= func.now())
    due = col(Project.state).in_(("running", "cancelling")) | woken
    late = col(Project.state).in_(("waiting", "awaiting_approval", "paused")) & called
    query = (
        select(Project)
        .join(Holder, (col(Holder.id) == col(Project.holder)) & col(Holder.lost).is_(None), isouter=True)
        .where(due | late, col(Holder.id).is_(None))
        .where(col(Project.launched_at).is_(None) | (col(Project.launched_at) < func.now() - GRACE))
        .order_by(col(Project.priority).desc(), col(Project.launched_at))
    )
    async with database.session() as session:
        return list(await session.exec(query))


async def mark_launched(database: Database, project: str, *, tenant: str) -> Project:
    """Move a planned project to running; `Conflict` when it was launched before."""
    plan = (await get_project(database, project, tenant=tenant)).plan
    change = update(Project).where(col(Project.id) == project, col(Project.state) == "planned")
    change = change.values(state="running", **launch_terms(plan))
    async with database.session() as session:
        done = await session.exec(change.returning(Project))
        launched: Project | None = done.scalar_one_or_none()
        if launched is not None:
            add_event(session, project, "project.state", data={"state": "running"})
            return launched
    state = (await get_project(database, project)).state
    raise Conflict(f"project {project!r} is {state.replace('_', ' ')}, so it cannot be launched again")


def launch_terms(plan: dict[str, Any]) -> dict[str, Any]:
    """What a project of this plan has from its launch on: since when, its place in queues, until when."""
    begun, seconds = now(), plan.get("deadline")
    terms = {"launched_at": begun, "priority": plan.get("priority", 0), "trace": traceparent()}
    if seconds is not None:  # else the one that somebody has set stays
        terms["deadline_at"] = begun + timedelta(seconds=seconds)
    return terms


@patient
async def take_over(
    database: Database, project: str, *, driver_run: str | None, holder: str | None = None
) -> Project:
    """Give the project to a new driver: its fence grows, and every older driver is shut out."""
    change = (
        update(Project)
        .where(col(Project.id) == project)
        .values(
            fence=Project.fence + 1,
            driver_run=driver_run,
            holder=holder,
            reason=case((col(Project.state) == "running", None), else_=col(Project.reason)),
        )
        .returning(Project)
    )
    async with database.session() as session:
        found: Project | None = (await session.exec(change)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"there is no project {project!r}")
    return found


async def hold(session: AsyncSession, project: str, fence: int, *, heard: Project | None = None) -> Project:
    """Lock the project's row for this transaction; `StaleAttempt` when another driver took it over.

    `heard` is the project as its driver knows it: `Overtaken` when somebody has wanted something of it since.
    Its large fields are not read: a thousand nodes would read a plan of a thousand nodes for each of them.
    """
    found = await session.get(
        Project, project, with_for_update={"key_share": True}, populate_existing=True, options=_LIGHT
    )
    if found is None or found.fence != fence:
        raise StaleAttempt(f"another driver has taken over project {project!r}")
    if wants_else(found, heard):
        raise Overtaken
    return found


@patient
async def rest_project(
    database: Database,
    project: str,
    *,
    fence: int,
    reason: str,
    wake_at: datetime | None = None,
    heard: Project | None = None,
) -> bool:
    """Leave the project to the people whose answers it waits for; False when one has just come.

    With `wake_at` it waits for that moment, whether for people as well or not. `heard` is the project as its
    driver knows it: False when somebody has wanted something of it since.

    Answers lock the project's row too, so none can slip in between the look and the change.
    """
    pending = exists().where(
        col(Approval.project) == project,
        col(Approval.node) == col(NodeRecord.node),
        col(Approval.state) == "pending",
    )
    answered = select(NodeRecord).where(
        NodeRecord.project == project, NodeRecord.state == "awaiting_approval", ~pending
    )
    async with database.session() as session:
        found = await hold(session, project, fence)
        if wants_else(found, heard) or (await session.exec(answered)).first() is not None:
            return False
        found.state, found.reason = "waiting" if wake_at else "awaiting_approval", storable(reason)
        found.wake_at = wake_at
        session.add(found)
        add_event(session, project, "project.state", data={"state": found.state, "reason": found.reason})
    return True


@patient
async def move_project(
    database: Database,
    project: str,
    *,
    fence: int,
    state: ProjectState,
    reason: str | None = None,
    deliverables: list[dict[str, Any]] | None = None,
    heard: Project | None = None,
) -> bool:
    """Record the project's new state as its present driver sees it.

    False, and nothing is recorded, when somebody has wanted something of it that the driver has not `heard`.
    """
    async with database.session() as session:
        found = await hold(session, project, fence)
        if wants_else(found, heard):
            return False
        reason = reason and storable(reason)
        if found.state == state and found.reason == reason:
            return True
        found.state, found.reason = state, reason
        if deliverables is not None:
            found.deliverables = deliverables
        if state in FINAL_PROJECT_STATES:
            found.ended_at = now()
            add_notice(session, "ended", found.tenant, project, state=state, reason=reason)
        session.add(found)
        add_event(session, project, "project.state", data={"state": state, "reason": reason})
    return True


def wants_else(found: Project, heard: Project | None) -> bool:
    """Whether people have wanted something of the project since its driver has last heard of it."""
    return heard is not None and found.control_at != heard.control_at
