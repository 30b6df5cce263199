"""Nodes that come at run time: recorded together with the change of the node that they come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import SomaError
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.patience import patient
from blocks.records.projects import hold
from blocks.records.tables import Attempt, NodeRecord, Project

MOST_NODES = 20_000
"""How many lines one project may have."""


class TooManyNodes(SomaError):
    """The project would have too many nodes."""

    status = 422


@dataclass(frozen=True, kw_only=True)
class Child:
    """A node to be, as the ledger shows it, and its document as in a plan."""

    node: str
    title: str
    capsule: str
    version: str
    spec: dict[str, Any]


@patient
async def expand_node(
    database: Database,
    project: str,
    node: str,
    children: Sequence[Child],
    *,
    fence: int,
    heard: Project | None = None,
) -> list[NodeRecord]:
    """Record that the node has become these children, all or none; the lines that there are then.

    Asked again, also by another driver after a crash, it finds what was recorded and adds nothing.
    Raises `TooManyNodes` when the project would have more than it may.
    """
    async with database.session() as session:
        await hold(session, project, fence, heard=heard)
        line = await session.get_one(NodeRecord, (project, node), with_for_update=True)
        known = await _children(session, project, node)
        if known:
            return [line, *known]
        position, count = await last_place(session, project)
        if count + len(children) > MOST_NODES:
            raise TooManyNodes(f"the project would have more than {MOST_NODES:,} nodes")
        made = await _made(session, line, children, position)
        line.state, line.reason = "expanded", None
        session.add_all([line, *made])
        facts = {"state": line.state, "attempt": line.attempt, "reason": None, "flow_run": line.flow_run}
        add_event(session, project, "node.state", node, facts)
        add_event(session, project, "node.expanded", node, {"children": len(made)})
    return [line, *made]


async def _made(
    session: AsyncSession, parent: NodeRecord, children: Sequence[Child], position: int
) -> list[NodeRecord]:
    before = await numbers_before(session, parent.project, [child.node for child in children])
    return [
        NodeRecord(
            project=parent.project,
            node=child.node,
            position=position + place,
            title=child.title,
            capsule=child.capsule,
            version=child.version,
            parent=parent.node,
            spec=child.spec,
            attempt=before.get(child.node, (0, 0))[0],
            generation=before.get(child.node, (0, 0))[1] + 1,
        )
        for place, child in enumerate(children, 1)
    ]


async def _children(session: AsyncSession, project: str, parent: str) -> list[NodeRecord]:
    query = select(NodeRecord).where(
        NodeRecord.project == project, NodeRecord.parent == parent, ~col(NodeRecord.node).startswith("undo.")
    )
    return list(await session.exec(query.order_by(col(NodeRecord.position))))


async def last_place(session: AsyncSession, project: str) -> tuple[int, int]:
    """The last position in the project, and how many nodes there are."""
    query = select(func.max(NodeRecord.position), func.count()).where(NodeRecord.project == project)
    position, count = (await session.exec(query)).one()
    return position or 0, count


async def numbers_before(session: AsyncSession, project: str, nodes: list[str]) -> dict[str, tuple[int, int]]:
    """The last attempt and generation of nodes of these names that were there before and were done anew."""
    query = (
        select(Attempt.node, func.max(Attempt.number), func.max(Attempt.generation))
        .where(Attempt.project == project, col(Attempt.node).in_(nodes))
        .group_by(col(Attempt.node))
    )
    return {node: (number, generation) for node, number, generation in await session.exec(query)}
