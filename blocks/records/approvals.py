"""Approvals: asked once, answered once, holding no process while they wait."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from blocks.errors import Conflict, NotFound
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.tables import Approval, Project, new_id, now

WAITS = timedelta(days=7)
"""How long an approval waits before it expires, which counts as a refusal."""


async def ask(
    session: AsyncSession,
    project: Project,
    *,
    node: str,
    question: str,
    details: dict[str, Any],
    action_digest: str,
) -> Approval:
    """The approval for exactly this action: the one asked before, or a new one."""
    row = {
        "id": new_id("apr"),
        "tenant": project.tenant,
        "project": project.id,
        "node": node,
        "question": question,
        "details": details,
        "action_digest": action_digest,
        "state": "pending",
        "requested_by": project.requested_by,
        "requested_at": now(),
        "expires_at": now() + WAITS,
    }
    asked: Approval | None = (
        await session.exec(insert(Approval).values(row).on_conflict_do_nothing().returning(Approval))
    ).scalar_one_or_none()
    if asked is not None:
        add_event(session, project.id, "approval.asked", node, {"approval": asked.id, "question": question})
        return asked
    same = select(Approval).where(
        Approval.project == project.id, Approval.node == node, Approval.action_digest == action_digest
    )
    return (await session.exec(same)).one()


async def list_approvals(
    database: Database, *, tenant: str | None = None, state: str | None = None, project: str | None = None
) -> list[Approval]:
    """Approvals, oldest first."""
    query = select(Approval)
    for column, wanted in ((Approval.tenant, tenant), (Approval.state, state), (Approval.project, project)):
        if wanted is not None:
            query = query.where(col(column) == wanted)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Approval.requested_at))))


async def get_approval(database: Database, approval: str, *, tenant: str | None = None) -> Approval:
    """The approval, or `NotFound`, also when it belongs to another tenant."""
    async with database.session() as session:
        found = await session.get(Approval, approval)
    if found is None or (tenant is not None and found.tenant != tenant):
        raise NotFound(f"there is no approval {approval!r}; `soma approvals` lists the open ones")
    return found


async def decide_approval(
    database: Database, approval: str, *, tenant: str, approved: bool, by: str, comment: str = ""
) -> Approval:
    """Record a person's answer; `Conflict` when the approval was answered or has expired."""
    await get_approval(database, approval, tenant=tenant)
    await expire_approvals(database)
    verdict = "approved" if approved else "rejected"
    change = (
        update(Approval)
        .where(col(Approval.id) == approval, col(Approval.state) == "pending")
        .values(state=verdict, decided_at=now(), decided_by=by, comment=comment)
        .returning(Approval)
    )
    async with database.session() as session:
        await session.exec(_lock_project(approval))
        decided: Approval | None = (await session.exec(change)).scalar_one_or_none()
        if decided is not None:
            _note(session, decided)
            await _set_going(session, decided.project)
            return decided
    found = await get_approval(database, approval)
    who = f" by {found.decided_by}" if found.decided_by else ""
    raise Conflict(f"approval {approval!r} was already {found.state}{who}; one answer is all it takes")


async def expire_approvals(database: Database) -> list[Approval]:
    """Turn every pending approval whose time is over into an expired one, and return them."""
    change = (
        update(Approval)
        .where(col(Approval.state) == "pending", col(Approval.expires_at) < now())
        .values(state="expired", decided_at=now())
        .returning(Approval)
    )
    async with database.session() as session:
        expired = list((await session.exec(change)).scalars())
        for approval in expired:
            _note(session, approval)
            await _set_going(session, approval.project)
    return expired


def _lock_project(approval: str) -> SelectOfScalar[Project]:
    """The project's row, locked before its approval, so that a driver going to rest sees the answer."""
    join = select(Project).join(Approval, col(Approval.project) == col(Project.id))
    return join.where(Approval.id == approval).with_for_update(of=Project, key_share=True)


def _note(session: AsyncSession, approval: Approval) -> None:
    facts = {"approval": approval.id, "state": approval.state, "by": approval.decided_by}
    add_event(session, approval.project, "approval.decided", approval.node, facts)


async def _set_going(session: AsyncSession, project: str) -> None:
    """A project that waited for this answer is running again; upkeep finds it if no driver starts."""
    change = update(Project).where(col(Project.id) == project, col(Project.state) == "awaiting_approval")
    await session.exec(change.values(state="running", reason=None))
