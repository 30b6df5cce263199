"""The ledger: which node reached which result, written once, by whoever rightly holds the attempt."""

import collections.abc
from datetime import datetime
from typing import Any

from sqlalchemy import Sequence, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import StaleAttempt
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.limits import take_places
from blocks.records.patience import patient
from blocks.records.projects import hold
from blocks.records.tables import (
    FINAL_NODE_STATES,
    Attempt,
    AttemptState,
    NodeRecord,
    NodeState,
    Project,
    now,
)
from blocks.records.text import storable
from blocks.tracing.spans import traceparent

LIVE_ATTEMPTS = ("queued", "running")
MOST_LOSSES = 5
"""How often the run of a node may die under it before the node counts as failed."""
TOKENS = Sequence("fencing_tokens")


@patient
async def list_nodes(database: Database, project: str) -> list[NodeRecord]:
    """The project's nodes in the order of the plan."""
    query = select(NodeRecord).where(NodeRecord.project == project)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(NodeRecord.position))))


@patient
async def list_attempts(database: Database, project: str) -> list[Attempt]:
    """Every attempt at every node of the project, in the order in which they were made."""
    query = select(Attempt).where(Attempt.project == project)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Attempt.created_at), col(Attempt.number))))


@patient
async def open_attempt(
    database: Database,
    project: str,
    node: str,
    *,
    fence: int,
    runtime: str,
    limits: collections.abc.Sequence[str] = (),
    heard: Project | None = None,
) -> Attempt:
    """Queue the next attempt at a node; `StaleAttempt` when another driver holds the project.

    `heard` is the project as its driver knows it: `Overtaken` when somebody has wanted something of it since.
    `limits` names those that it takes a place of; `NoPlace` when there is none, and nothing is done.
    Asked again by the same driver while the attempt is queued, it is the same attempt.
    """
    async with database.session() as session:
        held = await hold(session, project, fence, heard=heard)
        line = await _line(session, project, node)
        if (queued := await _queued(session, line, fence)) is not None:
            return queued
        line.state, line.attempt, line.reason = "queued", line.attempt + 1, None
        attempt = Attempt(
            project=project,
            node=node,
            number=line.attempt,
            fence=fence,
            runtime=runtime,
            limits=await take_places(session, held, limits),
            generation=line.generation,
            trace=traceparent(),
        )
        session.add_all([line, attempt])
        _tell(session, line)
    return attempt


@patient
async def start_attempt(
    database: Database, attempt: str, *, flow_run: str | None, holder: str | None = None
) -> Attempt:
    """Claim a queued attempt for the run that will do it; only one run ever can.

    It gets a fencing token greater than any that was given before. Its holder may ask twice.
    """
    changes = {"flow_run": flow_run, "holder": holder, "token": TOKENS.next_value(), "started_at": now()}
    async with database.session() as session:
        found = await _moved(session, attempt, ("queued",), "running", **changes)
        if found is None:
            return await _claimed(session, attempt, holder)
        line = await _line(session, found.project, found.node)
        line.state, line.flow_run, line.reason = "running", flow_run, None
        line.started_at = line.started_at or found.started_at
        session.add(line)
        _tell(session, line)
    return found


@patient
async def finish_attempt(
    database: Database,
    attempt: str,
    state: NodeState,
    *,
    reason: str | None = None,
    result: dict[str, Any] | None = None,
    error: str | None = None,
    again: bool = False,
    due_at: datetime | None = None,
    expands: bool = False,
) -> None:
    """Record how a live attempt ended, once; `StaleAttempt` when it was given up or ended before.

    A completed attempt at a node that `expands` is not the end of the node: others come out of its result.
    With `again` the node goes back to waiting, for its driver to open another attempt, at `due_at` if given.
    Said twice in the same words, it counts once.
    """
    reason = reason and storable(reason)
    async with database.session() as session:
        found = await _moved(
            session, attempt, LIVE_ATTEMPTS, state, reason=reason, error=error, ended_at=now()
        )
        if found is None:
            await _said(session, attempt, state, reason, result)
            return
        becomes: NodeState = "waiting" if again else "expanded" if expands else state
        await _settle(session, found, becomes, reason=reason, result=result, due_at=due_at)


@patient
async def give_up_attempt(
    database: Database,
    attempt: str,
    reason: str,
    *,
    again: bool,
    state: AttemptState = "lost",
    due_at: datetime | None = None,
) -> bool:
    """Declare a live attempt lost, so that its run can record nothing any more; False if it had ended.

    With `again` the node goes back to waiting, until `due_at` if given, else it has failed, or was cancelled
    with the attempt.
    """
    reason = storable(reason)
    ended: NodeState = "cancelled" if state == "cancelled" else "failed"
    async with database.session() as session:
        lost = await _moved(session, attempt, LIVE_ATTEMPTS, state, reason=reason, ended_at=now())
        if lost is not None:
            await _settle(session, lost, "waiting" if again else ended, reason=reason, due_at=due_at)
    return lost is not None


@patient
async def settle_node(
    database: Database,
    project: str,
    node: str,
    state: NodeState,
    *,
    fence: int,
    reason: str | None = None,
    result: dict[str, Any] | None = None,
    heard: Project | None = None,
) -> bool:
    """Record a node's state without an attempt: skipped, waiting for people, or answered by them.

    False when it was so already, or has its result; `Overtaken` as with `open_attempt`.
    """
    async with database.session() as session:
        await hold(session, project, fence, heard=heard)
        line = await _line(session, project, node)
        if line.state in {"completed", state}:
            return False
        _apply(line, state, reason and storable(reason), result)
        session.add(line)
        _tell(session, line)
    return True


@patient
async def attempt_of(database: Database, attempt: str) -> Attempt | None:
    async with database.session() as session:
        return await session.get(Attempt, attempt)


async def _moved(
    session: AsyncSession, attempt: str, expected: tuple[str, ...], state: str, **changes: Any
) -> Attempt | None:
    """The attempt in its new state; None when it is in none of those expected."""
    change = (
        update(Attempt)
        .where(col(Attempt.id) == attempt, col(Attempt.state).in_(expected))
        .values(state=state, **changes)
        .returning(Attempt)
    )
    found: Attempt | None = (await session.exec(change)).scalar_one_or_none()
    return found


async def _settle(
    session: AsyncSession,
    attempt: Attempt,
    state: NodeState,
    *,
    reason: str | None,
    result: dict[str, Any] | None = None,
    due_at: datetime | None = None,
) -> None:
    line = await _line(session, attempt.project, attempt.node)
    if line.state == "completed":
        raise StaleAttempt(f"node {attempt.node!r} has its result already")
    if line.generation != attempt.generation:
        raise StaleAttempt(f"node {attempt.node!r} is done anew; what was begun before does not count")
    line.due_at = due_at
    _apply(line, state, reason, result)
    session.add(line)
    _tell(session, line)


async def _queued(session: AsyncSession, line: NodeRecord, fence: int) -> Attempt | None:
    """The attempt that this very driver has queued at the node already."""
    if line.state != "queued":
        return None
    query = select(Attempt).where(
        Attempt.project == line.project,
        Attempt.node == line.node,
        Attempt.number == line.attempt,
        Attempt.fence == fence,
        Attempt.state == "queued",
    )
    return (await session.exec(query)).first()


async def _claimed(session: AsyncSession, attempt: str, holder: str | None) -> Attempt:
    """The attempt, if this holder has claimed it and was not told so; else `StaleAttempt`."""
    found = await session.get(Attempt, attempt)
    if found is None or holder is None or (found.state, found.holder) != ("running", holder):
        raise _stale(attempt)
    return found


async def _said(
    session: AsyncSession, attempt: str, state: str, reason: str | None, result: dict[str, Any] | None
) -> None:
    """Return if exactly this was recorded and only the answer got lost; else `StaleAttempt`."""
    found = await session.get(Attempt, attempt)
    if found is None or (found.state, found.reason) != (state, reason):
        raise _stale(attempt)
    line = await session.get_one(NodeRecord, (found.project, found.node))
    if result is not None and line.result != result:
        raise _stale(attempt)


def _stale(attempt: str) -> StaleAttempt:
    return StaleAttempt(f"attempt {attempt!r} was taken over or has ended; nothing of it is recorded")


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
