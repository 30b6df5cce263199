"""Messages of the context bus among a project's events, where people see them."""

from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.tables import Event

PUBLISHED = "message.published"


async def note_message(database: Database, project: str, node: str, data: dict[str, Any]) -> bool:
    """Record that the message of `data["message"]` is on the bus; False when that was recorded before."""
    async with database.session() as session:
        # Of two that record the same message at the same time, one waits here for the other.
        await session.exec(select(func.pg_advisory_xact_lock(func.hashtext(f"{project} {data['message']}"))))
        known = select(Event.id).where(
            Event.project == project,
            Event.kind == PUBLISHED,
            col(Event.data)["message"].astext == data["message"],
        )
        if (await session.exec(known.limit(1))).first() is not None:
            return False
        add_event(session, project, PUBLISHED, node, data)
    return True
