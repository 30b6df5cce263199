"""How many decisions there were of each sort: counted once, then carried on with what the chains grow by."""

import asyncio
from collections import Counter

from sqlalchemy import func
from sqlmodel import col, select

from blocks.records.audit_tables import AuditRecord, ChainEnd
from blocks.records.database import Database

Sort = tuple[str, str]
"""Stage and verdict."""


class DecisionTally:
    """One process's count; a chain only grows at its end, so what was counted stays as it is."""

    def __init__(self) -> None:
        self._counted: dict[str, int] = {}
        """By tenant, the last record that is counted."""
        self._counts: dict[str, Counter[Sort]] = {}
        self._lock = asyncio.Lock()

    async def read(self, database: Database) -> Counter[Sort]:
        """The decisions of all tenants so far."""
        async with self._lock, database.session() as session:
            ends = dict((await session.exec(select(ChainEnd.tenant, ChainEnd.sequence))).all())
            for tenant, end in ends.items():
                start = self._counted.get(tenant, 0)
                if start > end:  # the records were put back to an earlier state
                    start, self._counts[tenant] = 0, Counter()
                if start == end:
                    continue
                query = (
                    select(AuditRecord.stage, AuditRecord.verdict, func.count())
                    .where(
                        AuditRecord.tenant == tenant,
                        col(AuditRecord.sequence) > start,
                        col(AuditRecord.sequence) <= end,
                        AuditRecord.kind == "decision",
                    )
                    .group_by(col(AuditRecord.stage), col(AuditRecord.verdict))
                )
                counts = self._counts.setdefault(tenant, Counter())
                for stage, verdict, number in (await session.exec(query)).all():
                    counts[str(stage), str(verdict)] += number
                self._counted[tenant] = end
        return sum(self._counts.values(), Counter())
