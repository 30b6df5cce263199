"""The outbox of what happened: written in the transaction of its cause, told to triggers and then to Prefect.

Nothing that was committed is lost, whoever dies; nothing that was rolled back is told.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.memory.items import Item
from blocks.plain import digest
from blocks.records.database import Database
from blocks.records.tables import Project
from blocks.records.trigger_tables import Happening, Trigger

BATCH = 100


def note_state(session: AsyncSession, project: str, data: dict[str, Any]) -> None:
    """A project has come into a state."""
    session.add(Happening(kind="project", subject=project, data=data))


async def note_memories(database: Database, tenant: str, items: Sequence[Item]) -> None:
    """These memories are kept; noted only if a trigger of the tenant waits for memories."""
    asked = select(Trigger.id).where(
        Trigger.kind == "memory", Trigger.tenant == tenant, col(Trigger.active).is_(True)
    )
    async with database.session() as session:
        if (await session.exec(asked.limit(1))).first() is not None:
            session.add_all([_memory(tenant, item) for item in items])


async def fan_out(database: Database, deliver: Callable[[AsyncSession, Happening], Awaitable[None]]) -> int:
    """Give what happened to the triggers, each happening once; returns how many there were.

    Several gateways may do so at once: each takes others.
    """
    query = select(Happening).where(col(Happening.fanned).is_(False)).order_by(col(Happening.id))
    async with database.session() as session:
        found = list(await session.exec(query.limit(BATCH).with_for_update(skip_locked=True)))
        for happening in found:
            await deliver(session, happening)
        if found:
            ids = [happening.id for happening in found]
            await session.exec(update(Happening).where(col(Happening.id).in_(ids)).values(fanned=True))
    return len(found)


async def untold(database: Database) -> list[tuple[Happening, Project | None]]:
    """What Prefect has not been told yet, with the project that it is about."""
    query = (
        select(Happening, Project)
        .join(Project, col(Project.id) == col(Happening.subject), isouter=True)
        .where(col(Happening.fanned).is_(True))
        .order_by(col(Happening.id))
    )
    async with database.session() as session:
        return [(happening, project) for happening, project in await session.exec(query.limit(BATCH))]


async def forget(database: Database, happenings: Sequence[Happening]) -> None:
    """They are told."""
    ids = [happening.id for happening in happenings]
    async with database.session() as session:
        await session.exec(delete(Happening).where(col(Happening.id).in_(ids)))


def _memory(tenant: str, item: Item) -> Happening:
    content = digest([item.text, item.data, sorted(item.labels)])[:16]
    data = {
        "event": f"memory:{item.id}:{content}",
        "scope": item.scope,
        "text": item.text,
        "data": item.data,
        "labels": list(item.labels),
        "project": item.source.project,
    }
    return Happening(kind="memory", subject=item.id, tenant=tenant, data=data)
