"""Tenants: whom projects, approvals and decisions belong to."""

from sqlalchemy.dialects.postgresql import insert

from blocks.records.database import Database
from blocks.records.tables import Tenant, now


async def ensure_tenant(database: Database, tenant: str) -> None:
    """Make the tenant unless it exists."""
    statement = insert(Tenant).values(id=tenant, name=tenant, created_at=now()).on_conflict_do_nothing()
    async with database.session() as session:
        await session.exec(statement)
