"""Nodes that take back what completed ones did: recorded at once, when a project is given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.expansion import last_place, numbers_before
from blocks.records.patience import patient
from blocks.records.projects import hold
from blocks.records.reach import UNDO
from blocks.records.tables import NodeRecord, Project, now


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """A node to be that takes back another one."""

    node: str
    parent: str
    """The node that is taken back."""
    spec: dict[str, Any]
    failed: str | None = None
    """Why it cannot even be tried."""


@patient
async def record_undoing(
    database: Database, project: str, chain: Sequence[Undoing], *, fence: int, heard: Project | None = None
) -> list[NodeRecord]:
    """Add the nodes to the ledger, all or none; those that are there, where any is there already.

    `heard` is the project as its driver knows it: `Overtaken` when somebody has wanted something of it since.
    """
    async with database.session() as session:
        await hold(session, project, fence, heard=heard)
        known = select(NodeRecord).where(
            NodeRecord.project == project, col(NodeRecord.node).startswith(UNDO, autoescape=True)
        )
        if found := list(await session.exec(known.order_by(col(NodeRecord.position)))):
            return found
        position, _ = await last_place(session, project)
        before = await numbers_before(session, project, [item.node for item in chain])
        lines = [
            _line(project, item, position + place, before.get(item.node, (0, 0)))
            for place, item in enumerate(chain, 1)
        ]
        session.add_all(lines)
        if lines:
            data = {"nodes": [line.parent for line in lines]}
            add_event(session, project, "project.undoing", data=data)
    return lines


def _line(project: str, item: Undoing, position: int, before: tuple[int, int]) -> NodeRecord:
    return NodeRecord(
        project=project,
        node=item.node,
        position=position,
        title=item.spec["title"],
        capsule=item.spec["capsule"],
        version=item.spec["version"],
        state="failed" if item.failed else "waiting",
        reason=item.failed,
        ended_at=now() if item.failed else None,
        attempt=before[0],
        generation=before[1] + 1,
        parent=item.parent,
        spec=item.spec,
    )
