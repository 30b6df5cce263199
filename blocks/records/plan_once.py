"""Projects that are planned by something which may be killed and done again: each has an id known before."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from blocks.records.database import Database
from blocks.records.deliveries import note_project
from blocks.records.events import add_event
from blocks.records.tables import NodeRecord, Project, now
from blocks.records.text import storable
from blocks.records.trigger_tables import Delivery


async def create_project_once(database: Database, project: Project, nodes: list[dict[str, Any]]) -> Project:
    """Record the planned project with its ledger, and in its delivery; the one there is if there is.

    `nodes` are dicts with `node`, `title`, `capsule` and `version`, in the order in which they are shown.
    """
    taken = insert(Project).values(**project.model_dump()).on_conflict_do_nothing(index_elements=["id"])
    async with database.session() as session:
        if (await session.exec(taken.returning(col(Project.id)))).first() is not None:
            for position, node in enumerate(nodes):
                session.add(NodeRecord(project=project.id, position=position, **node))
            add_event(session, project.id, "project.state", data={"state": project.state})
            await note_project(session, project)
        return await session.get_one(Project, project.id)


async def refuse_planned(database: Database, project: Project, reason: str) -> None:
    """A project that nobody is there to launch again was not allowed to run: it has ended, and says why."""
    change = update(Project).where(col(Project.id) == project.id, col(Project.state) == "planned")
    change = change.values(state="denied", reason=storable(reason), ended_at=now())
    delivery = (project.origin or {}).get("delivery")
    async with database.session() as session:
        if (await session.exec(change.returning(col(Project.id)))).first() is not None:
            add_event(session, project.id, "project.state", data={"state": "denied", "reason": reason})
        settled = update(Delivery).where(col(Delivery.id) == delivery, col(Delivery.state) == "received")
        await session.exec(settled.values(state="refused", reason=storable(reason), ended_at=now()))
