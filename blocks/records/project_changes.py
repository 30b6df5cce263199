"""What changes of a project by people have in common: the locked row, events, and the audit record."""

from typing import Any, Literal

from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.audit.entries import entry
from blocks.errors import NotFound
from blocks.records.events import add_event
from blocks.records.notices import add_notice
from blocks.records.tables import FINAL_PROJECT_STATES, Project, now
from blocks.records.text import storable

Want = Literal["run", "pause", "cancel"]
DONE: dict[Want, str] = {"run": "resumed", "pause": "paused", "cancel": "cancelled"}


async def locked(session: AsyncSession, project: str, tenant: str | None = None) -> Project:
    """The project's row, locked until the transaction ends; `NotFound` for another tenant's."""
    found = await session.get(Project, project, with_for_update={"key_share": True}, populate_existing=True)
    if found is None or (tenant is not None and found.tenant != tenant):
        raise NotFound(f"there is no project {project!r}; `soma status` lists them")
    return found


def move(session: AsyncSession, project: Project, state: str, reason: str | None) -> None:
    """Give the project, whose row is locked, another state."""
    project.state, project.reason = state, reason and storable(reason)
    project.ended_at = now() if state in FINAL_PROJECT_STATES else None
    session.add(project)
    add_event(session, project.id, "project.state", data={"state": state, "reason": project.reason})
    if state in FINAL_PROJECT_STATES:
        add_notice(session, "ended", project.tenant, project.id, state=state, reason=project.reason)


def happened(project: Project, event: str, *, by: str, reason: str = "", **more: Any) -> dict[str, Any]:
    """What the audit log keeps of somebody's hand on a project."""
    said = {"event": event, "project": project.id, "by": by, "reason": storable(reason), **more}
    return entry("control", project.tenant, plan=project.plan_digest, **said)


def worded(done: str, by: str, reason: str) -> str:
    """Who did it, and why."""
    return f"{done} by {by}{f': {reason}' if reason else ''}"
