"""Approvals: asked once, answered by as many of the right people as it takes; no process waits."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from blocks.agreement import Vote, lacking, objection, votes_of
from blocks.audit.entries import entry
from blocks.errors import Conflict, Forbidden, NotFound
from blocks.identity import Principal
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.tables import Approval, Project, new_id, now

WAITS = timedelta(days=7)
"""How long an approval waits, unless an article says otherwise; then it expires, which is a refusal."""


async def ask(
    session: AsyncSession,
    project: Project,
    *,
    node: str,
    question: str,
    details: dict[str, Any],
    action_digest: str,
    requirements: Sequence[Mapping[str, Any]] = (),
    decision: str | None = None,
) -> Approval:
    """The approval for exactly this action: the one asked before, or a new one.

    `requirements` say who must agree; an approval that was given on lesser terms is open again. Call it last
    in its transaction: it adds to the audit log.
    """
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
        "expires_at": _end(requirements),
        "requirements": [dict(asked) for asked in requirements],
        "votes": [],
    }
    asked: Approval | None = (
        await session.exec(insert(Approval).values(row).on_conflict_do_nothing().returning(Approval))
    ).scalar_one_or_none()
    if asked is None:
        same = select(Approval).where(
            Approval.project == project.id, Approval.node == node, Approval.action_digest == action_digest
        )
        asked = (await session.exec(same.with_for_update())).one()
        if not _renewed(asked, requirements):
            return asked
        session.add(asked)
    add_event(session, project.id, "approval.asked", node, {"approval": asked.id, "question": question})
    await append(session, [_record(asked, "asked", by=asked.requested_by, decision=decision)])
    return asked


def _renewed(asked: Approval, requirements: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it is asked on new terms that those who agreed do not meet; it then waits for people again."""
    wanted = [dict(item) for item in requirements]
    met = not lacking(wanted, votes_of(asked.votes), asked.requested_by)
    if asked.requirements == wanted or asked.state not in {"pending", "approved"} or met:
        return False
    asked.requirements, asked.state, asked.expires_at = wanted, "pending", _end(requirements)
    asked.decided_at = asked.decided_by = None
    return True


def _end(requirements: Sequence[Mapping[str, Any]]) -> datetime:
    """When it expires: the shortest time that any article gives."""
    given = [timedelta(seconds=item["expires"]) for item in requirements if item.get("expires")]
    return now() + min(given, default=WAITS)


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


async def agreed_actions(database: Database, project: str) -> dict[str, tuple[Vote, ...]]:
    """The digests of the actions that people have approved in the project, and who did."""
    found = await list_approvals(database, project=project, state="approved")
    return {item.action_digest: votes_of(item.votes) for item in found}


async def decide_approval(
    database: Database, approval: str, *, by: Principal, approved: bool, comment: str = ""
) -> Approval:
    """Record a person's answer; the approval is decided once enough agree, or one does not.

    `Forbidden` for somebody who may not answer this, `Conflict` when it was answered, or has expired.
    """
    await get_approval(database, approval, tenant=by.tenant)
    await expire_approvals(database)
    vote = Vote(by=by.name, roles=by.roles)
    async with database.session() as session:
        await session.exec(_lock_project(approval))
        found = await session.get_one(Approval, approval, with_for_update=True, populate_existing=True)
        _check(found, vote)
        said = {"by": vote.by, "roles": sorted(vote.roles), "approved": approved, "comment": comment}
        found.votes = [*found.votes, {**said, "at": now().isoformat()}]
        missing = lacking(found.requirements, votes_of(found.votes), found.requested_by)
        records = [_record(found, "voted", by=vote.by, comment=comment, approved=approved)]
        if not approved or not missing:
            _decide(found, "approved" if approved else "rejected", by=vote.by, comment=comment)
            records.append(_record(found, found.state, by=vote.by, comment=comment))
        session.add(found)
        if found.state == "pending":
            told = {"approval": found.id, "by": vote.by}
            add_event(session, found.project, "approval.voted", found.node, told)
        else:
            _note(session, found)
            await _set_going(session, found.project)
        await append(session, records)
    return found


def _check(found: Approval, vote: Vote) -> None:
    if found.state != "pending":
        who = f" by {found.decided_by}" if found.decided_by else ""
        raise Conflict(f"approval {found.id!r} was already {found.state}{who}; one answer is all it takes")
    if any(earlier["by"] == vote.by for earlier in found.votes):
        missing = "; ".join(lacking(found.requirements, votes_of(found.votes), found.requested_by))
        raise Conflict(f"{vote.by} has answered approval {found.id!r} already; it needs {missing}")
    if (reason := objection(found.requirements, vote, found.requested_by)) is not None:
        raise Forbidden(f"{vote.by} may not answer approval {found.id!r}: {reason}")


def _decide(found: Approval, state: str, *, by: str, comment: str) -> None:
    found.state, found.decided_at, found.decided_by, found.comment = state, now(), by, comment


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
        await append(session, [_record(approval, "expired") for approval in expired])
    return expired


def _record(
    approval: Approval, event: str, *, by: str | None = None, comment: str = "", **more: Any
) -> dict[str, Any]:
    """What the audit log keeps of an approval; of a comment, the hash."""
    told = hashlib.sha256(comment.encode()).hexdigest() if comment else None
    return entry(
        "approval",
        approval.tenant,
        event=event,
        approval=approval.id,
        project=approval.project,
        node=approval.node,
        by=by,
        digest=approval.action_digest,
        requirements=approval.requirements,
        comment_sha256=told,
        **more,
    )


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
