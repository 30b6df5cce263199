"""The steps of agents: each recorded once, by the attempt that rightly works at the node."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from blocks.errors import StaleAttempt
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.step_tables import AgentStep
from blocks.records.tables import Attempt


@patient
async def steps_of(database: Database, project: str, node: str, generation: int) -> list[AgentStep]:
    """The finished steps of one generation of a node, in the order in which they were finished."""
    query = (
        select(AgentStep)
        .where(AgentStep.project == project, AgentStep.node == node, AgentStep.generation == generation)
        .order_by(col(AgentStep.position))
    )
    async with database.session() as session:
        return list(await session.exec(query))


@patient
async def record_step(database: Database, step: AgentStep) -> None:
    """Keep a step for good, unless it is kept; `StaleAttempt` when the node is no longer its attempt's."""
    mine = (
        select(Attempt.id)
        .where(
            Attempt.project == step.project,
            Attempt.node == step.node,
            Attempt.number == step.attempt,
            Attempt.generation == step.generation,
            Attempt.state == "running",
        )
        .with_for_update(read=True)
    )
    row = insert(AgentStep).values(**step.model_dump())
    async with database.session() as session:
        if (await session.exec(mine)).first() is None:
            raise StaleAttempt(f"attempt {step.attempt} of node {step.node!r} was taken over or has ended")
        await session.exec(row.on_conflict_do_nothing())
