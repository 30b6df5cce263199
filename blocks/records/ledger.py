"""The ledger: which node reached which result, written once, by whoever rightly holds the attempt."""

from typing import Any

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import StaleAttempt
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.projects import hold
from blocks.records.tables import FINAL_NODE_STATES, Attempt, NodeRecord, NodeState, now
from blocks.records.text import storable

LIVE_ATTEMPTS = ("queued", "running")


async def list_nodes(database: Database, project: str) -> list[NodeRecord]:
    """The project's nodes in the order of the plan."""
    query = select(NodeRecord).where(NodeRecord.project == project)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(NodeRecord.position))))


async def list_attempts(database: Database, project: str) -> list[Attempt]:
    """Every attempt at every node of the project, in the order in which they were made."""
    query = select(Attempt).where(Attempt.project == project)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Attempt.created_at), col(Attempt.number))))


async def open_attempt(database: Database, project: str, node: str, *, fence: int, runtime: str) -> Attempt:
    """Queue the next attempt at a node; `StaleAttempt` when another driver holds the project."""
    async with database.session() as session:
        await hold(session, project, fence)
        line = await _line(session, project, node)
        line.state, line.attempt, line.reason = "queued", line.attempt + 1, None
        attempt = Attempt(project=project, node=node, number=line.attempt, fence=fence, runtime=runtime)
        session.add_all([line, attempt])
        _tell(session, line)
    return attempt


async def start_attempt(database: Database, attempt: str, *, flow_run: str | None) -> Attempt:
    """Claim a queued attempt for the run that will do it; only one run ever can."""
    async with database.session() as session:
        found = await _move(session, attempt, ("queued",), "running", flow_run=flow_run, started_at=now())
        line = await _line(session, found.project, found.node)
        line.state, line.flow_run = "running", flow_run
        line.started_at = line.started_at or found.started_at
        session.add(line)
        _tell(session, line)
    return found


async def finish_attempt(
    database: Database,
    attempt: str,
    state: NodeState,
    *,
    reason: str | None = None,
    result: dict[str, Any] | None = None,
    again: bool = False,
) -> None:
    """Record how a live attempt ended, once; `StaleAttempt` when it was given up or ended before.

    With `again` the node goes back to waiting, for its driver to open another attempt.
    """
    reason = reason and storable(reason)
    async with database.session() as session:
        found = await _move(session, attempt, LIVE_ATTEMPTS, state, reason=reason, ended_at=now())
        await _settle(session, found, "waiting" if again else state, reason, result)


async def give_up_attempt(database: Database, attempt: str, reason: str, *, again: bool) -> bool:
    """Declare a live attempt lost, so that its run can record nothing any more; False if it had ended.

    With `again` the node goes back to waiting, else it has failed.
    """
    reason = storable(reason)
    change = (
        update(Attempt)
        .where(col(Attempt.id) == attempt, col(Attempt.state).in_(LIVE_ATTEMPTS))
        .values(state="lost", reason=reason, ended_at=now())
        .returning(Attempt)
    )
    async with database.session() as session:
        lost: Attempt | None = (await session.exec(change)).scalar_one_or_none()
        if lost is not None:
            await _settle(session, lost, "waiting" if again else "failed", reason, None)
    return lost is not None


async def settle_node(
    database: Database,
    project: str,
    node: str,
    state: NodeState,
    *,
    fence: int,
    reason: str | None = None,
    result: dict[str, Any] | None = None,
) -> bool:
    """Record a node's state without an attempt: skipped, waiting for people, or answered by them.

    False when it was so already, or has its result.
    """
    async with database.session() as session:
        await hold(session, project, fence)
        line = await _line(session, project, node)
        if line.state in {"completed", state}:
            return False
        _apply(line, state, reason and storable(reason), result)
        session.add(line)
        _tell(session, line)
    return True


async def attempt_of(database: Database, attempt: str) -> Attempt | None:
    async with database.session() as session:
        return await session.get(Attempt, attempt)


async def _move(
    session: AsyncSession, attempt: str, expected: tuple[str, ...], state: str, **changes: Any
) -> Attempt:
    change = (
        update(Attempt)
        .where(col(Attempt.id) == attempt, col(Attempt.state).in_(expected))
        .values(state=state, **changes)
        .returning(Attempt)
    )
    found: Attempt | None = (await session.exec(change)).scalar_one_or_none()
    if found is None:
        raise StaleAttempt(f"attempt {attempt!r} was taken over or has ended; nothing of it is recorded")
    return found


async def _settle(
    session: AsyncSession,
    attempt: Attempt,
    state: NodeState,
    reason: str | None,
    result: dict[str, Any] | None,
) -> None:
    line = await _line(session, attempt.project, attempt.node)
    if line.state == "completed":
        raise StaleAttempt(f"node {attempt.node!r} has its result already")
    _apply(line, state, reason, result)
    session.add(line)
    _tell(session, line)


def _apply(line: NodeRecord, state: NodeState, reason: str | None, result: dict[str, Any] | None) -> None:
    line.state, line.reason = state, reason
    if state in FINAL_NODE_STATES:
        line.ended_at = now()
    if result is not None:
        line.result = result


async def _line(session: AsyncSession, project: str, node: str) -> NodeRecord:
    return await session.get_one(NodeRecord, (project, node), with_for_update=True, populate_existing=True)


def _tell(session: AsyncSession, line: NodeRecord) -> None:
    facts = {"state": line.state, "attempt": line.attempt, "reason": line.reason, "flow_run": line.flow_run}
    add_event(session, line.project, "node.state", line.node, facts)
