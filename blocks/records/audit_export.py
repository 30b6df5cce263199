"""The chain as lines of an export, and the places of records for certificates, read in small turns."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, func
from sqlalchemy import cast as as_type
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.columns import REPEATED, as_told
from blocks.audit.export import Opening, head_line, link_line
from blocks.audit.heads import Head
from blocks.records.audit_heads import keys_of_heads, list_heads, newest_head
from blocks.records.audit_tables import AuditRecord, ChainEnd, SignedHead
from blocks.records.database import Database

BATCH = 500
COLUMNS = (*REPEATED, "at", "principal", "shadow_verdict")


@dataclass(frozen=True, kw_only=True)
class Range:
    """From the first record to the last, both included; none when the last is before the first."""

    first: int
    last: int


async def find_range(
    database: Database,
    tenant: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int = 0,
) -> Range:
    """The part of the chain that holds what was asked for, and goes on to the next signed head."""
    newest = await newest_head(database, tenant)
    async with database.session() as session:
        end = await session.get(ChainEnd, tenant)
        first, last = after + 1, max(newest.sequence if newest else 0, 0)
        if newest is None:
            last = end.sequence if end else 0
        if since is not None:
            found = await _bound(session, tenant, func.min, col(AuditRecord.at) >= since)
            first = max(first, last + 1 if found is None else found)
        if until is not None:
            found = await _bound(session, tenant, func.max, col(AuditRecord.at) <= until)
            last = await _next_head(session, tenant, found or 0, last)
    return Range(first=first, last=max(last, first - 1))


async def _bound(session: AsyncSession, tenant: str, extreme: Any, condition: Any) -> int | None:
    query = select(extreme(AuditRecord.sequence)).where(AuditRecord.tenant == tenant, condition)
    found: int | None = (await session.exec(query)).one()
    return found


async def _next_head(session: AsyncSession, tenant: str, sequence: int, otherwise: int) -> int:
    query = select(func.min(SignedHead.sequence)).where(
        SignedHead.tenant == tenant, col(SignedHead.sequence) >= sequence
    )
    return int((await session.exec(query)).one() or otherwise) if sequence else 0


async def export_lines(
    database: Database, tenant: str, part: Range, *, columns: bool = False
) -> AsyncIterator[str]:
    """The lines of an export; with `columns`, what the database repeats beside each record too."""
    keys = await keys_of_heads(database, tenant, after=part.first - 1, last=part.last)
    yield Opening(tenant=tenant, first=part.first, last=part.last, keys=keys).line()
    place = part.first - 1
    while place < part.last:
        rows = await _rows(database, tenant, place, part.last)
        upto = rows[-1].sequence if rows else part.last
        heads = await list_heads(database, tenant, after=place, last=upto)
        for text in _woven(rows, heads, columns=columns):
            yield text
        place = upto


def _woven(rows: list[AuditRecord], heads: list[Head], *, columns: bool) -> list[str]:
    """Each head behind its record, or where its record would be."""
    lines = [(row.sequence, 0, _line(row, columns=columns)) for row in rows]
    lines += [(head.sequence, 1, head_line(head)) for head in heads]
    return [text for _, _, text in sorted(lines, key=lambda line: line[:2])]


def _line(row: AuditRecord, *, columns: bool) -> str:
    told = as_told({name: getattr(row, name) for name in COLUMNS}) if columns else None
    return link_line(
        sequence=row.sequence, previous=row.previous, hash=row.hash, record=row.record, columns=told
    )


async def _rows(database: Database, tenant: str, after: int, last: int) -> list[AuditRecord]:
    query = select(AuditRecord).where(
        AuditRecord.tenant == tenant, col(AuditRecord.sequence) > after, col(AuditRecord.sequence) <= last
    )
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(AuditRecord.sequence)).limit(BATCH)))


async def place_of(database: Database, row: AuditRecord) -> tuple[Head, list[str]] | None:
    """The next signed head from this record on, and the digests of the records behind it up to there."""
    heads = await list_heads(database, row.tenant, after=row.sequence - 1, limit=1)
    if not heads:
        return None
    text = func.convert_to(AuditRecord.record, "UTF8")
    digest = func.encode(func.sha256(as_type(text, LargeBinary)), "hex")
    query = select(digest).where(
        AuditRecord.tenant == row.tenant,
        col(AuditRecord.sequence) > row.sequence,
        col(AuditRecord.sequence) <= heads[0].sequence,
    )
    async with database.session() as session:
        found = list(await session.exec(query.order_by(col(AuditRecord.sequence))))
    return heads[0], found
