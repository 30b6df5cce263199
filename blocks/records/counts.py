"""How many there are of what: the numbers that the meters show."""

from sqlalchemy import func
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.tables import Approval, Project


async def count_projects(database: Database) -> dict[str, int]:
    """The number of projects in each state that any is in."""
    query = select(Project.state, func.count()).group_by(col(Project.state))
    async with database.session() as session:
        return dict((await session.exec(query)).all())


async def count_pending_approvals(database: Database) -> int:
    """The number of approvals that wait for a person."""
    query = select(func.count()).select_from(Approval).where(col(Approval.state) == "pending")
    async with database.session() as session:
        return (await session.exec(query)).one()
