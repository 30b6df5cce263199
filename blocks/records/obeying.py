"""Obeying: what the driver of a project reads of people's wishes, and records as it follows them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.patience import patient
from blocks.records.project_changes import DONE, Want, move, worded
from blocks.records.projects import hold, wants_else
from blocks.records.tables import FINAL_NODE_STATES, Attempt, NodeRecord, Project, now
from blocks.records.tending import withdraw_approvals
from blocks.records.text import storable


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What people want of a project."""

    control: Want
    by: str | None
    reason: str | None
    at: datetime | None
    """When they said so, or had nodes done anew."""
    overdue: bool

    @property
    def words(self) -> str:
        return worded(DONE[self.control], self.by or "somebody", self.reason or "")


@patient
async def wanted(database: Database, project: str) -> Wanted:
    """What is wanted of the project at this moment: a look at few columns of one row."""
    columns = (Project.control, Project.control_by, Project.control_reason, Project.control_at)
    async with database.session() as session:
        found = await session.exec(
            select(*columns, Project.deadline_at).where(Project.id == project)  # type: ignore[call-overload]  # its overloads end at four columns
        )
        control, by, reason, at, deadline = found.one()
    overdue = deadline is not None and deadline <= now() and control != "cancel"
    return Wanted(control=control, by=by, reason=reason, at=at, overdue=overdue)


@patient
async def pause_project(database: Database, project: str, *, fence: int, heard: Project) -> str | None:
    """Record that nothing of the project is at work, and return why it is paused.

    None, and nothing is recorded, when something else is wanted of it than its driver has heard of.
    """
    async with database.session() as session:
        found = await hold(session, project, fence)
        if wants_else(found, heard) or found.control != "pause":
            return None
        reason = worded("paused", found.control_by or "somebody", found.control_reason or "")
        move(session, found, "paused", reason)
    return reason


@patient
async def cancel_nodes(
    database: Database, project: str, *, fence: int, reason: str, spare: bool
) -> list[str]:
    """Record that what had not ended of the project was cancelled, attempts and nodes; their names.

    With `spare`, the nodes that take back what others did are left alone.
    """
    lines = select(NodeRecord).where(
        NodeRecord.project == project, col(NodeRecord.state).not_in(FINAL_NODE_STATES)
    )
    if spare:
        lines = lines.where(~col(NodeRecord.node).startswith("undo."))
    async with database.session() as session:
        await hold(session, project, fence)
        found = list(await session.exec(lines.with_for_update()))
        names = [line.node for line in found]
        attempts = update(Attempt).where(
            col(Attempt.project) == project,
            col(Attempt.node).in_(names),
            col(Attempt.state).in_(("queued", "running")),
        )
        await session.exec(attempts.values(state="cancelled", reason=storable(reason), ended_at=now()))
        for line in found:
            line.state, line.reason, line.ended_at = "cancelled", storable(reason), now()
            session.add(line)
            facts = {"state": line.state, "attempt": line.attempt, "reason": line.reason}
            add_event(session, project, "node.state", line.node, {**facts, "flow_run": line.flow_run})
        await withdraw_approvals(session, project, names)
    return names
