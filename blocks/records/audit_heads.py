"""Signed heads as they are kept, and the signing of what was added since the last one."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from blocks.audit.chain import START, digest_of, link_hash
from blocks.audit.heads import Head, signed_head
from blocks.errors import Conflict, Unavailable
from blocks.keys import SigningKey
from blocks.records.audit_tables import AuditRecord, ChainEnd, SignedHead
from blocks.records.database import Database
from blocks.records.tables import now

logger = logging.getLogger(__name__)
BATCH = 1_000
TURNS = 100
"""How often another signer's turn is waited for, a tenth of a second each."""


class ChainBroken(Conflict):
    """The audit log does not hold, so it is not signed any further. Run `soma audit verify`."""


async def tenants_to_sign(database: Database, at_least: int = 1) -> list[str]:
    """The tenants whose chains have so many records that no head covers."""
    async with database.session() as session:
        ends = list(await session.exec(select(ChainEnd)))
        signed = {end.tenant: await _newest(session, end.tenant) for end in ends}
    return [
        end.tenant for end in ends if end.sequence - getattr(signed[end.tenant], "sequence", 0) >= at_least
    ]


async def sign_end(database: Database, key: SigningKey, tenant: str) -> Head | None:
    """Sign the end of the tenant's chain and return the newest head; None for a chain without records.

    What was added since the last head is verified before; `ChainBroken` when it does not hold.
    """
    async with _turn(database, tenant):
        async with database.session() as session:
            newest = await _newest(session, tenant)
            end = await session.get(ChainEnd, tenant)
        if end is None or end.sequence == 0:
            return _head(newest) if newest else None
        if newest is not None and (newest.sequence, newest.hash) == (end.sequence, end.hash):
            return _head(newest)
        await _hold(database, tenant, newest, end)
        after = newest.sequence if newest else 0
        head = signed_head(key, tenant=tenant, sequence=end.sequence, hash=end.hash, after=after, at=now())
        async with database.session() as session:
            session.add(_row(head))
    return head


async def _hold(database: Database, tenant: str, newest: SignedHead | None, end: ChainEnd) -> None:
    """Raise `ChainBroken` unless the records lead from the newest head to the end of the chain."""
    place, last = (newest.sequence, newest.hash) if newest else (0, START)
    while place < end.sequence:
        async with database.session() as session:
            rows = list(await session.exec(_records(tenant, place, min(place + BATCH, end.sequence))))
        for row in rows:
            digest = link_hash(tenant, place + 1, digest_of(row.record), last)
            if (row.sequence, row.previous, row.hash) != (place + 1, last, digest):
                raise ChainBroken(f"the audit log of {tenant} does not hold at record {place + 1}")
            place, last = row.sequence, row.hash
        if not rows:
            break
    if (place, last) != (end.sequence, end.hash):
        raise ChainBroken(f"the audit log of {tenant} ends at {end.sequence}, its records at {place}")


@asynccontextmanager
async def _turn(database: Database, tenant: str) -> AsyncIterator[None]:
    """One signer a tenant at a time, in the whole cluster: each head names the one before."""
    for _ in range(TURNS):
        async with database.lock(f"audit-heads-{tenant}") as held:
            if held:
                yield
                return
        await asyncio.sleep(0.1)
    raise Unavailable(f"another process has been signing the audit log of {tenant} for too long")


async def newest_head(database: Database, tenant: str) -> Head | None:
    """The last head that was signed."""
    async with database.session() as session:
        found = await _newest(session, tenant)
    return _head(found) if found else None


async def list_heads(
    database: Database, tenant: str, *, after: int = 0, last: int | None = None, limit: int = 1000
) -> list[Head]:
    """The heads behind a place, in the order of the chain."""
    query = select(SignedHead).where(SignedHead.tenant == tenant, col(SignedHead.sequence) > after)
    if last is not None:
        query = query.where(col(SignedHead.sequence) <= last)
    async with database.session() as session:
        return [
            _head(row) for row in await session.exec(query.order_by(col(SignedHead.sequence)).limit(limit))
        ]


async def keys_of_heads(database: Database, tenant: str, *, after: int, last: int) -> tuple[str, ...]:
    """The ids of the keys that signed the heads behind `after` and up to `last`."""
    query = select(SignedHead.key).where(
        SignedHead.tenant == tenant, col(SignedHead.sequence) > after, col(SignedHead.sequence) <= last
    )
    async with database.session() as session:
        return tuple(sorted(await session.exec(query.distinct())))


async def _newest(session: AsyncSession, tenant: str) -> SignedHead | None:
    query = select(SignedHead).where(SignedHead.tenant == tenant).order_by(col(SignedHead.sequence).desc())
    return (await session.exec(query.limit(1))).one_or_none()


def _records(tenant: str, after: int, last: int) -> SelectOfScalar[AuditRecord]:
    return (
        select(AuditRecord)
        .where(
            AuditRecord.tenant == tenant, col(AuditRecord.sequence) > after, col(AuditRecord.sequence) <= last
        )
        .order_by(col(AuditRecord.sequence))
    )


def _row(head: Head) -> SignedHead:
    return SignedHead(
        tenant=head.tenant,
        sequence=head.sequence,
        hash=head.hash,
        after=head.after,
        signed_at=datetime.fromisoformat(head.signed_at),
        key=head.key,
        signature=head.signature,
    )


def _head(row: SignedHead) -> Head:
    return Head(
        tenant=row.tenant,
        sequence=row.sequence,
        hash=row.hash,
        after=row.after,
        signed_at=row.signed_at.isoformat(),
        key=row.key,
        signature=row.signature,
    )
