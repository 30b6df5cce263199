"""Sessions: one person's answers before there is a project, changed by several tabs, launched once."""

from collections.abc import Callable

from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import Conflict, NotFound
from blocks.identity import Principal
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.projects import launch_terms
from blocks.records.session_tables import KEPT, WizardSession
from blocks.records.tables import NodeRecord, Project, now

MOST_OPEN = 500
"""Sessions that one person may have open at once."""


async def create_session(database: Database, row: WizardSession) -> WizardSession:
    """Keep a new session; `Conflict` when its owner has too many open ones."""
    mine = select(func.count()).select_from(WizardSession)
    mine = mine.where(
        WizardSession.tenant == row.tenant, WizardSession.owner == row.owner, WizardSession.state == "open"
    )
    async with database.session() as session:
        if (await session.exec(mine)).one() >= MOST_OPEN:
            raise Conflict(
                f"you have {MOST_OPEN} open sessions", mend="launch or discard some: `soma new --list`"
            )
        session.add(row)
    return row


async def get_session(database: Database, name: str, owner: Principal) -> WizardSession:
    """The session, or `NotFound`, also when it is somebody else's or was forgotten."""
    async with database.session() as session:
        return await _own(session, name, owner)


async def list_sessions(database: Database, owner: Principal, *, limit: int = 100) -> list[WizardSession]:
    """The owner's open sessions, the one worked on last first."""
    query = select(WizardSession).where(
        WizardSession.tenant == owner.tenant,
        WizardSession.owner == owner.name,
        WizardSession.state == "open",
        col(WizardSession.expires_at) > func.now(),
    )
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(WizardSession.updated_at).desc()).limit(limit)))


async def change_session(
    database: Database, name: str, owner: Principal, change: Callable[[WizardSession], None]
) -> WizardSession:
    """Change an open session while nobody else does; what `change` raises leaves it as it was."""
    async with database.session() as session:
        row = await _own(session, name, owner, lock=True)
        if row.state != "open":
            raise Conflict(f"session {name!r} was launched as {row.project}, so it cannot be changed")
        change(row)
        row.version += 1
        row.updated_at = now()
        row.expires_at = row.updated_at + KEPT
        session.add(row)
    return row


async def discard_session(database: Database, name: str, owner: Principal) -> None:
    """Forget the session; a project that was launched from it stays."""
    async with database.session() as session:
        await session.delete(await _own(session, name, owner, lock=True))


async def launch_session(
    database: Database, name: str, owner: Principal, project: Project, *, version: int
) -> tuple[Project, bool]:
    """Record the project as running and the session as launched, together; whether that happened now.

    A session that was launched before gives its project again; `Conflict` when it is another version now.
    """
    async with database.session() as session:
        row = await _own(session, name, owner, lock=True)
        if row.project is not None:
            return await session.get_one(Project, row.project), False
        check_version(row, version)
        for field, value in launch_terms(project.plan).items():
            setattr(project, field, value)
        project.state = "running"
        session.add(project)
        await session.flush()
        for position, node in enumerate(project.plan["nodes"]):
            line = {name: node[name] for name in ("title", "capsule", "version")}
            session.add(NodeRecord(project=project.id, position=position, node=node["id"], **line))
        for state in ("planned", "running"):
            add_event(session, project.id, "project.state", data={"state": state})
        row.state, row.project, row.updated_at = "launched", project.id, now()
        session.add(row)
    return project, True


def check_version(row: WizardSession, version: int) -> None:
    """`Conflict` unless the session is as it was at that version."""
    if row.version != version:
        raise Conflict(
            "the session has changed since you looked at it", mend="look at it again", version=row.version
        )


async def forget_sessions(database: Database) -> int:
    """Forget the sessions that nobody has worked on for long; returns how many there were."""
    old = delete(WizardSession).where(col(WizardSession.expires_at) <= func.now())
    async with database.session() as session:
        return len((await session.exec(old.returning(col(WizardSession.id)))).all())


async def _own(session: AsyncSession, name: str, owner: Principal, *, lock: bool = False) -> WizardSession:
    row = await session.get(WizardSession, name, with_for_update=lock or None)
    known = row is not None and (row.tenant, row.owner) == (owner.tenant, owner.name)
    if row is None or not known or row.expires_at <= now():
        raise NotFound(f"there is no session {name!r}; `soma new --list` lists yours")
    return row
