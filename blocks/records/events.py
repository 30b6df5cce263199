"""What happened in a project, in order: the source of live progress."""

from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.records.database import Database
from blocks.records.happenings import note_state
from blocks.records.tables import Event


def add_event(
    session: AsyncSession,
    project: str,
    kind: str,
    node: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record the event in the caller's transaction, so that it is seen exactly when its cause is."""
    session.add(Event(project=project, kind=kind, node=node, data=data or {}))
    if kind == "project.state":
        note_state(session, project, data or {})


async def events_after(database: Database, project: str, after: int = 0, limit: int = 200) -> list[Event]:
    """The project's events with an id above `after`, oldest first."""
    query = select(Event).where(Event.project == project, col(Event.id) > after)
    async with database.session() as session:
        found = await session.exec(query.order_by(col(Event.id)).limit(limit))
        return list(found)
