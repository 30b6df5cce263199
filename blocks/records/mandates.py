"""Whether an agent may still act: only for as long as its attempt is the one that counts."""

from sqlmodel import col, select

from blocks.identity import Mandate
from blocks.records.database import Database
from blocks.records.tables import FINAL_PROJECT_STATES, Attempt, NodeRecord, Project


async def is_current(database: Database, tenant: str, mandate: Mandate) -> bool:
    """Whether this attempt is at work now, and its node's newest, in a project of the tenant that goes on."""
    query = (
        select(Attempt.id)
        .join(
            NodeRecord,
            (col(NodeRecord.project) == col(Attempt.project)) & (col(NodeRecord.node) == col(Attempt.node)),
        )
        .join(Project, col(Project.id) == col(Attempt.project))
        .where(
            Attempt.id == mandate.attempt,
            Attempt.project == mandate.project,
            Attempt.node == mandate.node,
            Attempt.number == mandate.number,
            Attempt.generation == mandate.generation,
            Attempt.state == "running",
            NodeRecord.attempt == mandate.number,
            NodeRecord.generation == mandate.generation,
            Project.tenant == tenant,
            col(Project.state).not_in(FINAL_PROJECT_STATES),
        )
    )
    async with database.session() as session:
        return (await session.exec(query)).first() is not None
