"""Where the audit log is kept: records are added at the end of their tenant's chain, and never changed."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.canonical import canonical
from blocks.audit.chain import START, Link, linked
from blocks.audit.columns import columns_of
from blocks.errors import NotFound
from blocks.records.audit_tables import AuditRecord, ChainEnd
from blocks.records.database import Database
from blocks.records.patience import patient

RECORDS = AuditRecord.metadata.tables["audit_records"]


@patient
async def store_records(database: Database, records: list[dict[str, Any]]) -> None:
    """Add the records to their tenants' chains in one transaction."""
    if not records:
        return
    async with database.session() as session:
        await append(session, records)


async def append(session: AsyncSession, records: Sequence[Mapping[str, Any]]) -> None:
    """Add records in the caller's transaction; those already kept under their id are left as they are.

    The ends of the chains stay locked until the transaction ends, so call it last.
    """
    by_tenant: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        by_tenant[record["tenant"]].append(record)
    for tenant in sorted(by_tenant):
        await _append_for(session, tenant, by_tenant[tenant])


async def _append_for(session: AsyncSession, tenant: str, records: Sequence[Mapping[str, Any]]) -> None:
    end = await _locked_end(session, tenant)
    kept = select(AuditRecord.id).where(
        AuditRecord.tenant == tenant, col(AuditRecord.id).in_([record["id"] for record in records])
    )
    known = set(await session.exec(kept))
    fresh = {record["id"]: record for record in records if record["id"] not in known}
    links = linked(tenant, end.sequence, end.hash, map(canonical, fresh.values()))
    rows = [_row(link, record) for link, record in zip(links, fresh.values(), strict=True)]
    if not rows:
        return
    connection = await session.connection()
    await connection.execute(
        insert(RECORDS), rows
    )  # not through the ORM, which makes a statement of each shape
    change = update(ChainEnd).where(col(ChainEnd.tenant) == tenant)
    await session.exec(change.values(sequence=rows[-1]["sequence"], hash=rows[-1]["hash"]))


async def _locked_end(session: AsyncSession, tenant: str) -> ChainEnd:
    locked = select(ChainEnd).where(ChainEnd.tenant == tenant).with_for_update()
    found = (await session.exec(locked)).one_or_none()
    if found is None:
        first = insert(ChainEnd).values(tenant=tenant, sequence=0, hash=START)
        await session.exec(first.on_conflict_do_nothing())
        found = (await session.exec(locked)).one()
    return found


def _row(link: Link, record: Mapping[str, Any]) -> dict[str, Any]:
    return columns_of(record) | {
        "tenant": link.tenant,
        "sequence": link.sequence,
        "record": link.record,
        "previous": link.previous,
        "hash": link.hash,
    }


async def list_records(
    database: Database,
    *,
    tenant: str,
    project: str | None = None,
    kind: str | None = "decision",
    verdict: str | None = None,
    after: int = 0,
    before: int | None = None,
    limit: int = 1000,
) -> list[AuditRecord]:
    """The tenant's records behind the one numbered `after`, in the order of the chain.

    With `before`, those in front of that one, the newest first.
    """
    query = select(AuditRecord).where(AuditRecord.tenant == tenant, col(AuditRecord.sequence) > after)
    for column, wanted in (
        (AuditRecord.project, project),
        (AuditRecord.kind, kind),
        (AuditRecord.verdict, verdict),
    ):
        if wanted is not None:
            query = query.where(col(column) == wanted)
    order = col(AuditRecord.sequence)
    if before is not None:
        query = query.where(order < before)
    query = query.order_by(order if before is None else order.desc()).limit(limit)
    async with database.session() as session:
        return list(await session.exec(query))


async def get_record(database: Database, tenant: str, record: str) -> AuditRecord:
    """The record with this id, or `NotFound`."""
    query = select(AuditRecord).where(AuditRecord.tenant == tenant, AuditRecord.id == record)
    async with database.session() as session:
        found = (await session.exec(query)).one_or_none()
    if found is None:
        raise NotFound(f"the audit log has no record {record!r}; `soma audit list` shows the newest ones")
    return found


async def related_records(database: Database, decision: AuditRecord) -> list[AuditRecord]:
    """The outcome of a decision, and what people answered to exactly its action."""
    of_decision = select(AuditRecord).where(
        AuditRecord.tenant == decision.tenant, AuditRecord.decision == decision.id
    )
    answers = select(AuditRecord).where(
        AuditRecord.tenant == decision.tenant,
        AuditRecord.project == decision.project,
        AuditRecord.kind == "approval",
    )
    said = json.loads(decision.record).get("approval") or {}
    async with database.session() as session:
        found = list(await session.exec(of_decision.where(AuditRecord.kind == "outcome")))
        if said.get("digest"):
            asked = list(await session.exec(answers))
            found += [row for row in asked if json.loads(row.record).get("digest") == said["digest"]]
    return sorted(found, key=lambda row: row.sequence)
