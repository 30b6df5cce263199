"""The history of a node: every attempt at it, and what it had come to before it was done anew."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from blocks.errors import NotFound
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.reruns import spec_of
from blocks.records.tables import Attempt, Event, NodeRecord, Project


@dataclass(frozen=True, kw_only=True)
class NodePast:
    """A node with all that is recorded of it."""

    line: NodeRecord
    spec: dict[str, Any]
    """The node as in a plan, as it is now."""
    attempts: list[Attempt]
    """In the order in which they were made, of every generation."""
    former: list[dict[str, Any]]
    """What each rerun put away: `{generation, state, attempt, reason, result, by, at, event, …}`."""


@patient
async def node_history(database: Database, project: str, node: str, *, tenant: str) -> NodePast:
    """The node's history, or `NotFound`, also when the project is another tenant's."""
    attempts = select(Attempt).where(Attempt.project == project, Attempt.node == node)
    resets = select(Event).where(
        Event.project == project, col(Event.kind) == "node.reset", col(Event.node) == node
    )
    async with database.session() as session:
        found = await session.get(Project, project)
        if found is None or found.tenant != tenant:
            raise NotFound(f"there is no project {project!r}; `soma status` lists them")
        line = await session.get(NodeRecord, (project, node))
        if line is None:
            raise NotFound(f"project {project!r} has no node {node!r}; `soma status {project}` shows them")
        told = await session.exec(resets.order_by(col(Event.id)))
        return NodePast(
            line=line,
            spec=spec_of(found, line),
            attempts=list(await session.exec(attempts.order_by(col(Attempt.number)))),
            former=[
                {**event.data, "at": event.at, "event": event.data.get("rerun", event.id)} for event in told
            ],
        )
