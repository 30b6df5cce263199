"""Replays: recorded history decided again under a candidate, kept with who looked at the report."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.constitution.constitution import Constitution
from blocks.constitution.replaying import Replaying
from blocks.errors import NotFound
from blocks.records.audit import append
from blocks.records.audit_tables import AuditRecord
from blocks.records.constitution_tables import Replay
from blocks.records.database import Database
from blocks.records.tables import now

BATCH = 500
"""Records that are decided in one go, in a thread: the event loop waits for none of it."""


async def make_replay(
    database: Database,
    *,
    tenant: str,
    candidate: Constitution,
    since: datetime,
    by: str,
    project: str | None = None,
) -> Replay:
    """Decide the tenant's records since then again, and keep the report.

    Reads the audit log as a stream: memory does not grow with the number of records.
    """
    until = now()
    replaying = Replaying(candidate=candidate, since=since)
    async for records in recorded(database, tenant=tenant, since=since, until=until, project=project):
        await asyncio.to_thread(_take, replaying, records)
    report = {**replaying.report(until), "project": project}
    replay = Replay(
        tenant=tenant, digest=candidate.digest, since=since, made_by=by, looked_at_by=[], report=report
    )
    async with database.session() as session:
        session.add(replay)
        await session.flush()
        await append(session, [_entry(replay, candidate)])
    return replay


def _take(replaying: Replaying, records: list[str]) -> None:
    replaying.take(map(json.loads, records))


def _entry(replay: Replay, candidate: Constitution) -> Mapping[str, Any]:
    return entry(
        "constitution",
        replay.tenant,
        event="replayed",
        constitution=replay.digest,
        name=candidate.name,
        version=candidate.version,
        by=replay.made_by,
        second=None,
        replay=replay.id,
    )


async def recorded(
    database: Database, *, tenant: str, since: datetime, until: datetime, project: str | None = None
) -> AsyncIterator[list[str]]:
    """The decisions' records in batches, project by project, each in the order of the chain.

    Of a project that goes on after `since`, all its earlier decisions come too: they are its history.
    """
    decisions = (AuditRecord.tenant == tenant, AuditRecord.kind == "decision")
    live = select(AuditRecord.project).where(*decisions, col(AuditRecord.at).between(since, until)).distinct()
    query = select(AuditRecord.record).where(*decisions, col(AuditRecord.at) <= until)
    query = query.where(or_(col(AuditRecord.at) >= since, col(AuditRecord.project).in_(live)))
    if project is not None:
        query = query.where(AuditRecord.project == project)
    query = query.order_by(col(AuditRecord.project), col(AuditRecord.sequence))
    async with database.session() as session:
        stream = await session.stream_scalars(query.execution_options(yield_per=BATCH))
        async for batch in stream.partitions(BATCH):
            yield list(batch)


async def get_replay(database: Database, replay: str, *, tenant: str, by: str | None = None) -> Replay:
    """A replay with its report; with `by` it counts as looked at by that principal from now on.

    A replay of a single project never counts: an activation changes what is decided in all of them.
    """
    async with database.session() as session:
        found = await _found(session, replay, tenant)
        whole = found.report.get("project") is None
        if by is not None and whole and by not in found.looked_at_by:
            found.looked_at_by = [*found.looked_at_by, by]
            session.add(found)
        return found


async def _found(session: AsyncSession, replay: str, tenant: str) -> Replay:
    query = select(Replay).where(Replay.id == replay, Replay.tenant == tenant).with_for_update()
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound(f"there is no replay {replay!r}; `soma constitution replay` makes one")
    return found


async def list_replays(database: Database, *, tenant: str, limit: int = 50) -> list[Replay]:
    """The tenant's replays, the newest first."""
    query = select(Replay).where(Replay.tenant == tenant).order_by(col(Replay.at).desc()).limit(limit)
    async with database.session() as session:
        return list(await session.exec(query))
