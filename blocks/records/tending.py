"""What approvals need by the clock: reminding, passing on to others, expiring, and taking back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.records.approval_trace import audit_record, tell_again, tell_decided
from blocks.records.approvals import next_escalation, set_going
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.tables import FINAL_PROJECT_STATES, Approval, NodeRecord, Project, now

AT_ONCE = 200
"""How many are looked after in one transaction."""


@dataclass(frozen=True, kw_only=True)
class Tended:
    """The ids of the approvals to which something was done."""

    expired: list[str] = field(default_factory=list)
    reminded: list[str] = field(default_factory=list)
    escalated: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)


async def tend_approvals(database: Database) -> Tended:
    """Do what is due to every pending approval; harmless to do often, and in several processes at once."""
    tended = Tended()
    async with database.session() as session:
        records = []
        for approval in await _obsolete(session):
            _close(session, approval, "withdrawn")
            tended.withdrawn.append(approval.id)
            records.append(audit_record(approval, "withdrawn"))
        for approval in await _due(session):
            records += [audit_record(approval, event) for event in _tend(session, approval, tended)]
            if approval.state == "expired":
                await set_going(session, approval.project)
        await append(session, records)
    return tended


async def withdraw_approvals(
    session: AsyncSession, project: str, nodes: Iterable[str] | None = None
) -> list[str]:
    """Take back what is asked for these nodes (none named: for the project), in the caller's transaction.

    Call it late in the transaction: it adds to the audit log.
    """
    query = select(Approval).where(Approval.project == project, Approval.state == "pending")
    if nodes is not None:
        query = query.where(col(Approval.node).in_(list(nodes)))
    found = list(await session.exec(query.with_for_update()))
    for approval in found:
        _close(session, approval, "withdrawn")
    await append(session, [audit_record(approval, "withdrawn") for approval in found])
    return [approval.id for approval in found]


async def _obsolete(session: AsyncSession) -> list[Approval]:
    """Questions of projects that have ended, and of nodes that do their work anew."""
    query = (
        select(Approval)
        .join(Project, col(Project.id) == col(Approval.project))
        .join(
            NodeRecord,
            (col(NodeRecord.project) == col(Approval.project)) & (col(NodeRecord.node) == col(Approval.node)),
            isouter=True,
        )
        .where(
            Approval.state == "pending",
            or_(
                col(Project.state).in_(FINAL_PROJECT_STATES),
                col(NodeRecord.generation) > col(Approval.generation),
            ),
        )
    )
    locked = query.limit(AT_ONCE).with_for_update(of=Approval, skip_locked=True)
    return list(await session.exec(locked))


async def _due(session: AsyncSession) -> list[Approval]:
    """Pending approvals for which some moment has come.

    Their projects are locked first, as an answer does it, so that a driver going to rest sees an expiry.
    """
    moment = now()
    waits = col(Approval.state) == "pending"
    come = or_(
        *(col(column) < moment for column in (Approval.expires_at, Approval.remind_at, Approval.escalate_at))
    )
    projects = select(Approval.project).where(waits, col(Approval.expires_at) < moment)
    lock = select(Project).where(col(Project.id).in_(projects)).order_by(col(Project.id))
    await session.exec(lock.with_for_update(key_share=True))
    query = select(Approval).where(waits, come).order_by(col(Approval.project)).limit(AT_ONCE)
    found = await session.exec(query.with_for_update(skip_locked=True))
    return list(found)


def _tend(session: AsyncSession, approval: Approval, tended: Tended) -> list[str]:
    """What happens to one approval now, as the audit log names it."""
    moment = now()
    if _came(approval.expires_at, moment):
        _close(session, approval, "expired")
        tended.expired.append(approval.id)
        return ["expired"]
    done = []
    if _came(approval.escalate_at, moment):
        approval.escalations += 1
        approval.escalate_at = next_escalation(approval, moment)
        tell_again(session, approval, "escalated")
        tended.escalated.append(approval.id)
        done.append("escalated")
    if _came(approval.remind_at, moment):
        approval.reminders += 1
        approval.remind_at = moment + _remind_every(approval)  # what was missed is not made up for
        tell_again(session, approval, "reminder")
        tended.reminded.append(approval.id)
        done.append("reminded")
    session.add(approval)
    return done


def _came(moment: datetime | None, present: datetime) -> bool:
    return moment is not None and moment < present


def _remind_every(approval: Approval) -> timedelta:
    return timedelta(seconds=min(item["remind"] for item in approval.requirements if item.get("remind")))


def _close(session: AsyncSession, approval: Approval, state: str) -> None:
    approval.state, approval.decided_at = state, now()
    session.add(approval)
    tell_decided(session, approval)
