"""Which questions Prefect does not show yet, and which it shows for nothing."""

from sqlalchemy import or_, update
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.tables import Approval


async def unshown(database: Database, limit: int = 50) -> list[Approval]:
    """Questions about whose runs in Prefect something is to be done, oldest first."""
    query = select(Approval).where(
        col(Approval.run_closed).is_(False),
        or_(col(Approval.state) != "pending", col(Approval.run).is_(None)),
    )
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Approval.requested_at)).limit(limit)))


async def note_shown(database: Database, approval: str, run: str) -> None:
    """Remember the run by which the question can be answered in Prefect; it is to be ended one day."""
    async with database.session() as session:
        change = update(Approval).where(col(Approval.id) == approval)
        await session.exec(change.values(run=run, run_closed=False))


async def note_closed(database: Database, approval: Approval) -> None:
    """Nothing more is to be done about the question's run, unless there is another one meanwhile."""
    same = col(Approval.run).is_(None) if approval.run is None else col(Approval.run) == approval.run
    change = update(Approval).where(col(Approval.id) == approval.id, col(Approval.state) != "pending", same)
    async with database.session() as session:
        await session.exec(change.values(run_closed=True))
