"""Looking at the ledger again: only at what may have changed since the last look."""

from collections.abc import Collection

from sqlalchemy import exists, func, text
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.tables import Approval, Attempt, AttemptState, NodeRecord

START = "0"
"""Where a project's first look begins."""
_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text"
"""The oldest transaction that is not over yet: everything before it is seen by whoever looks from now on."""
_SINCE = text("age(nodes.xmin) <= age(CAST(CAST(:since AS text) AS xid))")


@patient
async def read_nodes(database: Database, project: str, names: Collection[str]) -> list[NodeRecord]:
    """The lines of these nodes of the project."""
    query = select(NodeRecord).where(NodeRecord.project == project, col(NodeRecord.node).in_(names))
    async with database.session() as session:
        return list(await session.exec(query))


@patient
async def changed_nodes(database: Database, project: str, since: str) -> tuple[list[NodeRecord], str]:
    """The project's lines that were written since the look that gave `since`, and what the next look takes.

    A line may be given again that was given before; none is ever left out, whatever the order in which
    transactions began and ended: each row carries the number of the transaction that wrote it.
    """
    query = select(NodeRecord).where(NodeRecord.project == project)
    if since != START:
        query = query.where(_SINCE.bindparams(since=since))
    async with database.session() as session:
        here = str((await session.exec(text(_NOW))).scalar_one())  # type: ignore[call-overload]  # SQL as text
        return list(await session.exec(query.order_by(col(NodeRecord.position)))), here


@patient
async def live_attempts(database: Database, project: str) -> list[Attempt]:
    """The project's attempts that have not ended, in the order in which they were made."""
    query = select(Attempt).where(Attempt.project == project, col(Attempt.state).in_(("queued", "running")))
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Attempt.created_at), col(Attempt.number))))


@patient
async def count_ended(database: Database, attempt: Attempt, state: AttemptState) -> int:
    """How many attempts at the same node have ended so, in the same generation."""
    query = select(func.count()).select_from(Attempt)
    query = query.where(
        Attempt.project == attempt.project,
        Attempt.node == attempt.node,
        Attempt.generation == attempt.generation,
        Attempt.state == state,
    )
    async with database.session() as session:
        return (await session.exec(query)).one()


@patient
async def answered_nodes(database: Database, project: str) -> list[str]:
    """The nodes that wait for people although no question of theirs is open any more."""
    pending = exists().where(
        col(Approval.project) == project,
        col(Approval.node) == col(NodeRecord.node),
        col(Approval.state) == "pending",
    )
    query = select(NodeRecord.node).where(
        NodeRecord.project == project, NodeRecord.state == "awaiting_approval", ~pending
    )
    async with database.session() as session:
        return list(await session.exec(query))
