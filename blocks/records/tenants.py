"""Tenants: whom projects, approvals and decisions belong to."""

import re

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from blocks.audit.entries import entry
from blocks.errors import BadInput, Conflict
from blocks.identity import Principal
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.tables import Tenant, now

_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")


async def ensure_tenant(database: Database, tenant: str) -> None:
    """Make the tenant unless it exists."""
    statement = insert(Tenant).values(id=tenant, name=tenant, created_at=now()).on_conflict_do_nothing()
    async with database.session() as session:
        await session.exec(statement)


async def create_tenant(database: Database, tenant: str, *, name: str, by: Principal) -> Tenant:
    """Make a tenant; `Conflict` when there is one of this id."""
    if not _ID.fullmatch(tenant):
        raise BadInput(f"{tenant!r} is no id for a tenant: small letters, digits and hyphens, 63 at most")
    made = Tenant(id=tenant, name=name)
    fresh = insert(Tenant).values(made.model_dump()).on_conflict_do_nothing().returning(col(Tenant.id))
    async with database.session() as session:
        if (await session.exec(fresh)).first() is None:
            raise Conflict(f"there is a tenant {tenant!r} already")
        told = {"event": "created", "name": name, "by": f"{by.name} of {by.tenant}"}
        await append(session, [entry("tenant", tenant, **told)])
    return made


async def list_tenants(database: Database) -> list[Tenant]:
    """Every tenant of the installation by id."""
    async with database.session() as session:
        return list(await session.exec(select(Tenant).order_by(col(Tenant.id))))
