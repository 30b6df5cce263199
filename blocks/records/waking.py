"""Projects that waited for a moment, and are at work again."""

from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.patience import patient
from blocks.records.projects import hold


@patient
async def wake_project(database: Database, project: str, *, fence: int) -> None:
    """A driver has come for the project: it waits for nothing any more."""
    async with database.session() as session:
        found = await hold(session, project, fence)
        if found.state == "waiting":
            found.state, found.reason, found.wake_at = "running", None, None
            session.add(found)
            add_event(session, project, "project.state", data={"state": "running", "reason": None})
