"""What people are told of a node or project whose run waits in Prefect: why, while its state stays."""

from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.patience import patient
from blocks.records.tables import Attempt, NodeRecord, Project


@patient
async def note_node(database: Database, attempt: str, reason: str) -> bool:
    """Say why the node of a queued attempt is not at work yet; False when that is known or past."""
    query = (
        select(NodeRecord)
        .join(
            Attempt,
            (col(Attempt.project) == col(NodeRecord.project))
            & (col(Attempt.node) == col(NodeRecord.node))
            & (col(Attempt.number) == col(NodeRecord.attempt)),
        )
        .where(Attempt.id == attempt, Attempt.state == "queued", NodeRecord.state == "queued")
    )
    async with database.session() as session:
        line = (await session.exec(query.with_for_update(of=NodeRecord))).first()
        if line is None or line.reason == reason:
            return False
        line.reason = reason
        session.add(line)
        facts = {"state": line.state, "attempt": line.attempt, "reason": reason, "flow_run": line.flow_run}
        add_event(session, line.project, "node.state", line.node, facts)
    return True


@patient
async def note_driver(database: Database, project: str, reason: str) -> bool:
    """Say why a running project is not driven yet; False when that is known or past."""
    query = select(Project).where(Project.id == project, Project.state == "running")
    async with database.session() as session:
        found = (await session.exec(query.with_for_update(key_share=True))).first()
        if found is None or found.reason == reason:
            return False
        found.reason = reason
        session.add(found)
        add_event(session, project, "project.state", data={"state": found.state, "reason": reason})
    return True
