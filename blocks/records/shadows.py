"""What the candidate in the shadow would have done otherwise: counted and listed from the audit log."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import cast, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col, select

from blocks.constitution.tallying import Tally
from blocks.records.audit_tables import AuditRecord
from blocks.records.constitution_tables import Shadow
from blocks.records.database import Database

MOST_DIFFERENT = 20_000
"""So many of the newest differences are looked at for the articles behind them; all are counted."""
BATCH = 500


async def shadow_report(database: Database, shadow: Shadow) -> dict[str, Any]:
    """How often the shadow was asked since it began, what it would have decided otherwise, and why."""
    decided, differing = await _counts(database, shadow)
    tally = Tally()
    async for record in _different(database, shadow):
        said: Mapping[str, Any] = record["shadow"]
        tally.count(record, said["verdict"], said.get("articles") or ())
    told = tally.as_json()
    return {
        **told,
        "decisions": decided,
        "same": decided - differing,
        "differing": differing,
        "partial": differing > MOST_DIFFERENT,
    }


async def _counts(database: Database, shadow: Shadow) -> tuple[int, int]:
    differs = col(AuditRecord.shadow_verdict) != col(AuditRecord.verdict)
    query = select(func.count(), func.count().filter(differs)).where(*_decided(shadow))
    async with database.session() as session:
        decided, differing = (await session.exec(query)).one()
        return decided, differing


async def _different(database: Database, shadow: Shadow) -> AsyncIterator[dict[str, Any]]:
    query = (
        select(AuditRecord.record)
        .where(*_decided(shadow))
        .where(col(AuditRecord.shadow_verdict) != col(AuditRecord.verdict))
        .order_by(col(AuditRecord.sequence).desc())
        .limit(MOST_DIFFERENT)
    )
    async with database.session() as session:
        stream = await session.stream_scalars(query.execution_options(yield_per=BATCH))
        async for text in stream:
            yield json.loads(text)


def _decided(shadow: Shadow) -> tuple[Any, ...]:
    """What this shadow was asked; a process that has not heard of it yet may still ask the one before.

    What a node's limits refused is left out: no constitution decides that, so no other would differ.
    """
    said = cast(col(AuditRecord.record), JSONB)["shadow"]["constitution"].astext
    return (
        AuditRecord.tenant == shadow.tenant,
        AuditRecord.kind == "decision",
        col(AuditRecord.shadow_verdict).is_not(None),
        col(AuditRecord.constitution) != "",
        col(AuditRecord.at) >= shadow.since,
        said == shadow.digest,
    )
