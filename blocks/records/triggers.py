"""Triggers as they are kept: made, paused, resumed and removed by people, with a word in the audit log."""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.errors import BadInput, Conflict, NotFound
from blocks.identity import Principal
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.tables import now
from blocks.records.trigger_tables import Trigger

BEING_MADE = timedelta(seconds=30)
"""So long whoever makes a trigger gives it its schedule himself; two who do so would make its runs twice."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


async def create_trigger(database: Database, trigger: Trigger, *, by: Principal) -> Trigger:
    """Keep a new trigger; `Conflict` when the tenant has one of that name."""
    if not _NAME.fullmatch(trigger.name):
        raise BadInput(f"{trigger.name!r} is no name for a trigger: small letters, digits and hyphens")
    try:
        async with database.session() as session:
            session.add(trigger)
            await session.flush()
            await append(session, [_happened(trigger, "created", by.name)])
    except IntegrityError as error:
        if "trigger_names" not in str(error):
            raise
        raise Conflict(
            f"there is a trigger {trigger.name!r} already", mend="choose another name, or remove that one"
        ) from None
    return trigger


async def get_trigger(database: Database, name: str, *, tenant: str | None = None) -> Trigger:
    """The trigger of that id or, within a tenant, of that name; `NotFound` when there is none."""
    query = select(Trigger).where(col(Trigger.removed_at).is_(None))
    if tenant is None:
        query = query.where(Trigger.id == name)
    else:
        query = query.where(Trigger.tenant == tenant, or_(Trigger.id == name, Trigger.name == name))
    async with database.session() as session:
        found = (await session.exec(query)).first()
    if found is None:
        raise NotFound(f"there is no trigger {name!r}; `soma triggers list` shows them")
    return found


async def list_triggers(database: Database, *, tenant: str) -> list[Trigger]:
    """The tenant's triggers by name."""
    query = select(Trigger).where(Trigger.tenant == tenant, col(Trigger.removed_at).is_(None))
    async with database.session() as session:
        return list(await session.exec(query.order_by(Trigger.name)))


async def triggers_for(session: AsyncSession, kind: str, tenant: str) -> list[Trigger]:
    """The triggers of a kind that are at work for the tenant."""
    query = select(Trigger).where(
        Trigger.kind == kind,
        Trigger.tenant == tenant,
        col(Trigger.active).is_(True),
        col(Trigger.removed_at).is_(None),
    )
    return list(await session.exec(query))


async def tenants_with(database: Database, kind: str) -> list[str]:
    """The tenants that have a trigger of the kind at work."""
    query = select(Trigger.tenant).where(
        Trigger.kind == kind, col(Trigger.active).is_(True), col(Trigger.removed_at).is_(None)
    )
    async with database.session() as session:
        return sorted(set(await session.exec(query)))


async def change_trigger(
    database: Database, trigger: str, event: str, *, by: Principal, **changes: Any
) -> Trigger:
    """Change these fields; the audit log says that `event` happened, such as `paused`."""
    query = select(Trigger).where(
        Trigger.id == trigger, Trigger.tenant == by.tenant, col(Trigger.removed_at).is_(None)
    )
    async with database.session() as session:
        found = (await session.exec(query.with_for_update())).one_or_none()
        if found is None:
            raise NotFound(f"there is no trigger {trigger!r}; `soma triggers list` shows them")
        for name, value in changes.items():
            setattr(found, name, value)
        session.add(found)
        await session.flush()
        await append(session, [_happened(found, event, by.name)])
    return found


async def remove_trigger(database: Database, trigger: str, *, by: Principal) -> Trigger:
    """End the trigger for good; what it has started stays, and tells of it."""
    return await change_trigger(database, trigger, "removed", by=by, removed_at=now(), active=False)


async def note_deployment(database: Database, trigger: str, deployment: str | None) -> None:
    """Remember which Prefect deployment has the trigger's schedule."""
    async with database.session() as session:
        found = await session.get_one(Trigger, trigger, with_for_update=True)
        found.deployment = deployment
        session.add(found)


async def unscheduled(database: Database) -> list[Trigger]:
    """Schedules that Prefect does not have yet, and removed ones that it still has."""
    query = select(Trigger).where(
        Trigger.kind == "schedule",
        col(Trigger.removed_at).is_(None) == col(Trigger.deployment).is_(None),
        col(Trigger.created_at) < now() - BEING_MADE,
    )
    async with database.session() as session:
        return list(await session.exec(query.limit(50)))


def _happened(trigger: Trigger, event: str, by: str) -> dict[str, Any]:
    return entry(
        "trigger",
        trigger.tenant,
        event=event,
        trigger=trigger.id,
        name=trigger.name,
        of=trigger.kind,
        blueprint=trigger.blueprint,
        inputs=trigger.inputs,
        source=trigger.source,
        condition=trigger.condition,
        by=by,
    )
