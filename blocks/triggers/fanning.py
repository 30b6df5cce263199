"""From what happened to deliveries: which triggers are for it, and what they are told of it."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.records.deliveries import Check, receive
from blocks.records.tables import FINAL_PROJECT_STATES, Project
from blocks.records.trigger_tables import Happening
from blocks.records.triggers import triggers_for
from blocks.triggers.filters import is_source


async def deliver(session: AsyncSession, happening: Happening, *, check: Check) -> None:
    """Make the deliveries of one happening, in the caller's transaction."""
    if happening.kind == "memory":
        await _deliver_memory(session, happening, check)
    elif happening.data.get("state") in FINAL_PROJECT_STATES:
        await _deliver_end(session, happening, check)


async def deliver_event(
    session: AsyncSession, kind: str, tenant: str, event_id: str, event: dict[str, Any], *, check: Check
) -> int:
    """Take the event in for each trigger that is for it; returns how many those are."""
    before = await _origin_before(session, event.get("project"), tenant)
    wanted = [
        trigger
        for trigger in await triggers_for(session, kind, tenant)
        if is_source(kind, trigger.source, event)
    ]
    for trigger in wanted:
        await receive(session, trigger, event_id, event, check=check, before=before)
    return len(wanted)


def project_event(project: Project) -> dict[str, Any]:
    """What a trigger or an automation is told of a project, as it stands."""
    return {
        "kind": "project",
        "id": project.id,
        "project": project.id,
        "state": project.state,
        "reason": project.reason or "",
        "title": project.title,
        "blueprint": project.blueprint,
        "inputs": project.inputs,
        "requested_by": project.requested_by,
        "deliverables": [str(item.get("name")) for item in project.deliverables],
    }


async def _deliver_end(session: AsyncSession, happening: Happening, check: Check) -> None:
    project = await session.get(Project, happening.subject)
    if project is None:
        return
    event = {
        **project_event(project),
        "at": happening.at.isoformat(),
        "state": happening.data["state"],
        "reason": happening.data.get("reason") or "",
    }
    # A project that is done anew ends anew: the event is this end of it.
    known = f"project:{project.id}:{happening.id}"
    await deliver_event(session, "project", project.tenant, known, event, check=check)


async def _deliver_memory(session: AsyncSession, happening: Happening, check: Check) -> None:
    data = happening.data
    event = {
        "kind": "memory",
        "id": happening.subject,
        "at": happening.at.isoformat(),
        **{name: data.get(name) for name in ("scope", "text", "data", "labels", "project")},
    }
    tenant = happening.tenant or ""
    await deliver_event(session, "memory", tenant, str(data["event"]), event, check=check)


async def _origin_before(session: AsyncSession, project: Any, tenant: str) -> dict[str, Any] | None:
    """The origin of the project that led to the event, if it names one of the tenant's."""
    found = await session.get(Project, project) if isinstance(project, str) else None
    return found.origin if found is not None and found.tenant == tenant else None
