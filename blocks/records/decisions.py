"""Where the audit log keeps the constitution's decisions."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.tables import DecisionRow


async def store_decisions(database: Database, rows: list[dict[str, Any]]) -> None:
    """Insert the rows in one statement; rows already stored under their id are left as they are."""
    if not rows:
        return
    async with database.session() as session:
        await session.exec(insert(DecisionRow).on_conflict_do_nothing(), params=rows)


async def list_decisions(
    database: Database, *, tenant: str, project: str | None = None, limit: int = 1000
) -> list[DecisionRow]:
    """The tenant's decisions, oldest first, of one project if one is named."""
    query = select(DecisionRow).where(DecisionRow.tenant == tenant)
    if project is not None:
        query = query.where(DecisionRow.project == project)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(DecisionRow.at), col(DecisionRow.id)).limit(limit)))
