"""What people have agreed to, and what they want to be done otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from blocks.agreement import Vote, votes_of
from blocks.editing import Edit
from blocks.records.approvals import bound_to
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.tables import Approval, NodeRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreements:
    """What people have agreed to in a project, for the present generation of its nodes."""

    actions: Mapping[str, tuple[Vote, ...]]
    """Digests of actions, and who agreed."""
    edits: Mapping[str, Edit]
    """By the digest of the call that was asked about."""


@patient
async def agreements(database: Database, project: str) -> Agreements:
    """What people have agreed to in the project; for work that is done anew it counts no more."""
    own = (col(NodeRecord.project) == col(Approval.project)) & (col(NodeRecord.node) == col(Approval.node))
    query = (
        select(Approval)
        .join(NodeRecord, own, isouter=True)
        .where(
            Approval.project == project,
            Approval.state == "approved",
            col(Approval.generation) == func.coalesce(NodeRecord.generation, 1),
        )
    )
    async with database.session() as session:
        found = list(await session.exec(query))
    actions, edits = {}, {}
    for item in found:
        votes = votes_of(item.votes, bound_to(item))
        call = item.edited is not None and item.offered is not None and item.offered["kind"] == "tool"
        actions[bound_to(item) if call else item.action_digest] = votes
        if call:
            by = tuple(sorted({vote.by for vote in votes}))
            edits[item.action_digest] = Edit(arguments=item.edited or {}, digest=bound_to(item), by=by)
    return Agreements(actions=actions, edits=edits)


async def agreed_actions(database: Database, project: str) -> Mapping[str, tuple[Vote, ...]]:
    """The digests of the actions that people have approved in the project, and who did."""
    return (await agreements(database, project)).actions


@patient
async def wanted_changes(database: Database, project: str, node: str) -> list[dict[str, Any]]:
    """What people asked for when they sent the node back: `{by, at, comment, question}`, oldest first."""
    query = select(Approval).where(
        Approval.project == project,
        Approval.state == "sent_back",
        func.coalesce(Approval.revises, Approval.node) == node,
    )
    async with database.session() as session:
        found = list(await session.exec(query.order_by(col(Approval.decided_at))))
    return [
        {"by": vote["by"], "at": vote["at"], "comment": vote["comment"], "question": item.question}
        for item in found
        for vote in item.votes
        if vote.get("verdict") == "changes"
    ]
