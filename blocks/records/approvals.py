"""Approvals: asked once, answered by as many of the right people as it takes; no process waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from blocks.agreement import Vote, lacking, objection, votes_of
from blocks.editing import check_edits, edited_digest
from blocks.errors import BadInput, Conflict, Forbidden, NotFound
from blocks.identity import Principal
from blocks.plain import plain
from blocks.records.approval_trace import audit_record, tell_asked, tell_decided, tell_voted
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.reruns import rerun_in, rerun_record
from blocks.records.tables import Approval, NodeRecord, Project, new_id, now
from blocks.records.text import storable

WAITS = timedelta(days=7)
"""How long an approval waits, unless an article says otherwise; then it expires, which is a refusal."""
Verdict = Literal["approve", "reject", "changes"]
STATES = {"approve": "approved", "reject": "rejected", "changes": "sent_back"}


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
    offered: Mapping[str, Any] | None = None,
    revises: str | None = None,
) -> Approval:
    """The approval for exactly this action: the one asked before, or a new one.

    `requirements` say who must agree; an approval that was given on lesser terms is open again. `offered` is
    what may be approved with other arguments; `revises` the node that does its work anew when changes are
    asked for. Call it last in its transaction: it adds to the audit log.
    """
    generation = await _generation(session, project.id, node)
    row = {
        "id": new_id("apr"),
        "tenant": project.tenant,
        "project": project.id,
        "node": node,
        "question": storable(question),
        "details": plain(details),
        "action_digest": action_digest,
        "state": "pending",
        "requested_by": project.requested_by,
        "requested_at": now(),
        **_times(requirements),
        "requirements": [dict(asked) for asked in requirements],
        "votes": [],
        "generation": generation,
        "reminders": 0,
        "escalations": 0,
        "offered": dict(offered) if offered else None,
        "revises": revises,
        "run_closed": False,
    }
    asked: Approval | None = (
        await session.exec(insert(Approval).values(row).on_conflict_do_nothing().returning(Approval))
    ).scalar_one_or_none()
    if asked is None:
        same = select(Approval).where(
            Approval.project == project.id,
            Approval.node == node,
            Approval.generation == generation,
            Approval.action_digest == action_digest,
        )
        asked = (await session.exec(same.with_for_update())).one()
        if not _renewed(asked, requirements):
            return asked
        session.add(asked)
    await session.flush()
    tell_asked(session, asked)
    await append(session, [audit_record(asked, "asked", by=asked.requested_by, decision=decision)])
    return asked


async def _generation(session: AsyncSession, project: str, node: str) -> int:
    query = select(NodeRecord.generation).where(NodeRecord.project == project, NodeRecord.node == node)
    return (await session.exec(query)).one_or_none() or 1


def _renewed(asked: Approval, requirements: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it is asked on new terms that those who agreed do not meet; it then waits for people again."""
    wanted = [dict(item) for item in requirements]
    met = not lacking(wanted, votes_of(asked.votes, bound_to(asked)), asked.requested_by)
    lesser = asked.requirements != wanted and asked.state in {"pending", "approved"} and not met
    if not lesser and asked.state != "withdrawn":
        return False
    asked.requirements, asked.state = wanted, "pending"
    for name, value in _times(requirements).items():
        setattr(asked, name, value)
    asked.decided_at = asked.decided_by = asked.run = None
    asked.run_closed = False
    return True


def _times(requirements: Sequence[Mapping[str, Any]]) -> dict[str, datetime | None]:
    """When it expires, reminds and is passed on: the shortest time that anybody asks for."""
    moment = now()
    ends = [item["expires"] for item in requirements if item.get("expires")]
    reminds = [item["remind"] for item in requirements if item.get("remind")]
    passes = [item["escalate"]["after"] for item in requirements if item.get("escalate")]
    return {
        "expires_at": moment + (timedelta(seconds=min(ends)) if ends else WAITS),
        "remind_at": moment + timedelta(seconds=min(reminds)) if reminds else None,
        "escalate_at": moment + timedelta(seconds=min(passes)) if passes else None,
    }


def next_escalation(approval: Approval, after: datetime) -> datetime | None:
    """When the question is passed on the next time, if it is."""
    times = [item["escalate"]["after"] for item in approval.requirements if item.get("escalate")]
    moments = [approval.requested_at + timedelta(seconds=seconds) for seconds in times]
    return min((moment for moment in moments if moment > after), default=None)


def bound_to(approval: Approval) -> str:
    """The digest of what is done when people agree now."""
    return approval.edited_digest or approval.action_digest


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


@patient
async def approvals_of(database: Database, project: str, node: str, generation: int) -> list[Approval]:
    """What was asked about the node since it was last done anew, oldest first."""
    query = select(Approval).where(
        Approval.project == project, Approval.node == node, Approval.generation == generation
    )
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Approval.requested_at))))


@patient
async def get_approval(database: Database, approval: str, *, tenant: str | None = None) -> Approval:
    """The approval, or `NotFound`, also when it belongs to another tenant."""
    async with database.session() as session:
        found = await session.get(Approval, approval)
    if found is None or (tenant is not None and found.tenant != tenant):
        raise NotFound(f"there is no approval {approval!r}; `soma approvals` lists the open ones")
    return found


async def decide_approval(
    database: Database,
    approval: str,
    *,
    by: Principal,
    approved: bool = True,
    verdict: Verdict | None = None,
    comment: str = "",
    arguments: Mapping[str, Any] | None = None,
    digest: str | None = None,
    via: str = "gateway",
) -> Approval:
    """Record a person's answer; the approval is decided once enough agree, or one does not.

    `verdict` says more than `approved`: `changes` sends the work back with the comment. With `arguments` the
    answer is a yes to the action with these instead of those that were asked about. `digest` is what the
    person has seen; it is needed once somebody else has changed arguments. `via` is the way it came.
    `Forbidden` for somebody who may not answer this, `Conflict` when it was answered, has expired or was
    changed since the person looked, `BadInput` for arguments that do not fit.
    """
    said = verdict or ("approve" if approved else "reject")
    if said == "changes" and not comment.strip():
        raise BadInput("say what is to be changed", mend="give a comment")
    if arguments is not None and said != "approve":
        raise BadInput("arguments are changed by who approves", mend="leave them out, or approve")
    await get_approval(database, approval, tenant=by.tenant)
    async with database.session() as session:
        await session.exec(_lock_project(approval))
        found = await session.get_one(Approval, approval, with_for_update=True, populate_existing=True)
        if await _overdue(session, found):
            late = True
        else:
            late = False
            vote = _vote(found, by)
            _check(found, vote)
            _check_seen(found, digest, said, editing=arguments is not None)
            if arguments is not None:
                _edit(found, arguments)
            elif any(item["by"] == vote.by for item in _answers(found)):
                raise Conflict(_answered_already(found, vote))
            await _count(session, found, vote, _Said(verdict=said, comment=storable(comment), via=via))
    if late:
        raise Conflict(f"approval {approval!r} was already expired; nobody had answered in time")
    return found


async def _overdue(session: AsyncSession, found: Approval) -> bool:
    """Whether its time is over and nobody has noticed yet; it is expired from here on."""
    if found.state != "pending" or found.expires_at is None or found.expires_at > now():
        return False
    found.state, found.decided_at = "expired", now()
    session.add(found)
    tell_decided(session, found)
    await set_going(session, found.project)
    await append(session, [audit_record(found, "expired")])
    return True


def _vote(found: Approval, by: Principal) -> Vote:
    waited = (now() - found.requested_at).total_seconds()
    return Vote(by=by.name, roles=by.roles, waited=waited, person=by.kind == "user")


def _check(found: Approval, vote: Vote) -> None:
    if found.state != "pending":
        who = f" by {found.decided_by}" if found.decided_by else ""
        state = found.state.replace("_", " ")
        raise Conflict(f"approval {found.id!r} was already {state}{who}; one answer is all it takes")
    if (reason := objection(found.requirements, vote, found.requested_by)) is not None:
        raise Forbidden(f"{vote.by} may not answer approval {found.id!r}: {reason}")


def _check_seen(found: Approval, digest: str | None, verdict: Verdict, *, editing: bool) -> None:
    """Nobody agrees to arguments that somebody else has changed since the person looked."""
    bound = bound_to(found)
    if digest is None and verdict == "approve" and not editing and found.edited_digest is not None:
        raise Conflict(
            f"somebody has changed the arguments of approval {found.id!r}; look at them, "
            "and answer with the digest that is shown",
            digest=bound,
        )
    if digest is not None and digest != bound and not (editing and digest == found.action_digest):
        raise Conflict(f"approval {found.id!r} has changed since; look at it again", digest=bound)


def _answers(found: Approval) -> list[dict[str, Any]]:
    """The answers to what is asked about now."""
    bound = bound_to(found)
    return [item for item in found.votes if item.get("digest", bound) == bound]


def _answered_already(found: Approval, vote: Vote) -> str:
    given = votes_of(found.votes, bound_to(found))
    missing = "; ".join(lacking(found.requirements, given, found.requested_by))
    return f"{vote.by} has answered approval {found.id!r} already; it needs {missing}"


def _edit(found: Approval, arguments: Mapping[str, Any]) -> None:
    """What is asked about from now on is the action with these arguments."""
    check_edits(found.offered, arguments)
    found.edited = dict(arguments)
    found.edited_digest = edited_digest(found.offered or {}, found.action_digest, arguments)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    verdict: Verdict
    comment: str
    via: str


async def _count(session: AsyncSession, found: Approval, vote: Vote, said: _Said) -> None:
    """Add the answer to those that were given, and decide where that is enough."""
    bound, approved = bound_to(found), said.verdict == "approve"
    answer = {"by": vote.by, "roles": sorted(vote.roles), "approved": approved, "verdict": said.verdict}
    answer |= {"comment": said.comment, "at": now().isoformat(), "waited": vote.waited}
    found.votes = [*found.votes, {**answer, "person": vote.person, "digest": bound, "via": said.via}]
    missing = lacking(found.requirements, votes_of(found.votes, bound), found.requested_by)
    told: dict[str, Any] = {"by": vote.by, "comment": said.comment}
    kept: dict[str, Any] = {"approved": approved, "verdict": said.verdict, "via": said.via}
    records = [audit_record(found, "voted", **told, **kept)]
    if not approved or not missing:
        found.state, found.decided_at, found.decided_by = STATES[said.verdict], now(), vote.by
        found.comment = said.comment
        records.append(audit_record(found, found.state, **told))
    session.add(found)
    if found.state == "pending":
        tell_voted(session, found, vote.by)
    else:
        tell_decided(session, found)
        await set_going(session, found.project)
    if found.state == "sent_back":
        records.append(await _send_back(session, found, by=vote.by))
    await append(session, records)


async def _send_back(session: AsyncSession, found: Approval, *, by: str) -> dict[str, Any]:
    """Let the work that is asked about be done anew, in the transaction of the answer."""
    project = await session.get_one(Project, found.project)
    own = select(NodeRecord).where(NodeRecord.project == found.project)
    parent = (await session.exec(own.where(NodeRecord.node == found.node))).one().parent
    wanted = [found.revises, f"{parent}.{found.revises}"] if found.revises else []
    query = select(NodeRecord.node).where(
        NodeRecord.project == found.project, col(NodeRecord.node).in_(wanted)
    )
    revised = next(iter(await session.exec(query)), found.node)
    reason = found.comment or ""
    done = await rerun_in(session, project, revised, by=by, reason=reason)
    if found.node not in done.reset:  # it does not stand on the node that is revised
        done = await rerun_in(session, project, found.node, by=by, reason=reason)
    found.revises = revised
    session.add(found)
    await session.flush()
    return rerun_record(done, revised, None, by=by, reason=reason)


def _lock_project(approval: str) -> SelectOfScalar[Project]:
    """The project's row, locked before its approval, so that a driver going to rest sees the answer."""
    join = select(Project).join(Approval, col(Approval.project) == col(Project.id))
    return join.where(Approval.id == approval).with_for_update(of=Project, key_share=True)


async def set_going(session: AsyncSession, project: str) -> None:
    """A project that waited for this answer is running again; upkeep finds it if no driver starts."""
    resting = col(Project.state).in_(("awaiting_approval", "waiting"))
    change = update(Project).where(col(Project.id) == project, resting)
    await session.exec(change.values(state="running", reason=None))
