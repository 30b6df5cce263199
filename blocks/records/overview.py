"""What is shown of a project, read in one go: several looks would cost several turns at the pool."""

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import NotFound
from blocks.records.database import Database
from blocks.records.tables import Approval, Event, NodeRecord, Project


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A project as it stands."""

    project: Project
    nodes: list[NodeRecord]
    """In the order of the plan."""
    pending: list[Approval]
    """Its questions that wait for an answer, oldest first."""
    last_event: int
    """The newest event that is told of here; 0 when there is none."""


async def read_overview(database: Database, project: str, *, tenant: str) -> Overview:
    """The project with all that is shown of it, or `NotFound`, also when it is another tenant's."""
    nodes = select(NodeRecord).where(NodeRecord.project == project).order_by(col(NodeRecord.position))
    pending = (
        select(Approval)
        .where(Approval.project == project, Approval.state == "pending")
        .order_by(col(Approval.requested_at))
    )
    async with database.session() as session:
        # The event is read first: what happens in between is then told twice rather than never.
        last = (await session.exec(select(func.max(Event.id)).where(Event.project == project))).one()
        return Overview(
            last_event=last or 0,
            project=await _owned(session, project, tenant),
            nodes=list(await session.exec(nodes)),
            pending=list(await session.exec(pending)),
        )


async def read_news(
    database: Database, project: str, *, tenant: str, after: int, limit: int
) -> tuple[str, list[Event]]:
    """The project's state, and its events after a given one that were recorded no earlier than it."""
    news = select(Event).where(Event.project == project, col(Event.id) > after)
    async with database.session() as session:
        state = (await _owned(session, project, tenant)).state
        return state, list(await session.exec(news.order_by(col(Event.id)).limit(limit)))


async def _owned(session: AsyncSession, project: str, tenant: str) -> Project:
    found = await session.get(Project, project)
    if found is None or found.tenant != tenant:
        raise NotFound(f"there is no project {project!r}; `soma status` lists them")
    return found
