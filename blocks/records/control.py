"""Control: what people want of a project that goes on. Said here; obeyed by the project's driver."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import BadInput, Conflict
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.patience import patient
from blocks.records.project_changes import DONE, Want, happened, locked, move, worded
from blocks.records.tables import FINAL_NODE_STATES, FINAL_PROJECT_STATES, NodeRecord, Project, now
from blocks.records.text import storable

IN_PREFECT: dict[str, Want] = {"CANCELLING": "cancel", "CANCELLED": "cancel", "PAUSED": "pause"}
"""What a state that people can give a run in Prefect asks of the project that the run belongs to."""


async def set_control(
    database: Database, project: str, want: Want, *, by: str, reason: str = "", tenant: str | None = None
) -> Project:
    """Record what somebody wants of the project, and return it as it was found before.

    What needs no process happens at once: a project that rests is paused, one that was never launched is
    cancelled. `Conflict` when the project cannot do what is wanted, `NotFound` for another tenant's.
    """
    async with database.session() as session:
        found = await locked(session, project, tenant)
        before = Project.model_validate(found.model_dump())
        state = following_state(found, want)
        _change(session, found, want, by=by, reason=reason)
        if want == "run":
            found.driver_run = None  # it was paused: its state in Prefect says nothing about this wish
        if state != found.state:
            move(session, found, state, worded(DONE[want], by, reason) if want != "run" else None)
        if state == "cancelled":
            await _cancel_lines(session, found)
        await session.flush()
        await append(session, [happened(found, DONE[want], by=by, reason=reason)])
    return before


def following_state(project: Project, want: Want) -> str:
    """The state that the wish brings the project into at once; `Conflict` when it makes no sense."""
    state, name = project.state, project.id
    if state in FINAL_PROJECT_STATES:
        raise Conflict(f"project {name!r} has ended: it is {state}; `soma projects rerun` does it again")
    if project.control == "cancel":
        raise Conflict(f"project {name!r} is being cancelled already; that cannot be taken back")
    if want == "cancel":
        return "cancelled" if state == "planned" else "cancelling"
    if state == "planned":
        raise Conflict(f"project {name!r} was not launched yet, so there is nothing to {_verb(want)}")
    if want == project.control:
        told = "paused already" if want == "pause" else f"not paused: it is {state.replace('_', ' ')}"
        raise Conflict(f"project {name!r} is {told}")
    if want == "pause":
        return "paused" if state in {"waiting", "awaiting_approval"} else state
    return "running" if state == "paused" else state


async def set_deadline(
    database: Database, project: str, at: datetime | None, *, by: str, tenant: str | None = None
) -> Project:
    """Say when the project is cancelled unless it has ended by then; None takes the deadline away."""
    if at is not None and at <= now():
        raise BadInput(f"the deadline {_shown(at)} has passed already; cancel the project instead")
    async with database.session() as session:
        found = await locked(session, project, tenant)
        if found.state in FINAL_PROJECT_STATES or found.control == "cancel":
            raise Conflict(f"project {project!r} is {found.state}, so a deadline means nothing to it")
        found.deadline_at = at
        session.add(found)
        add_event(session, project, "project.deadline", data={"at": at and at.isoformat(), "by": by})
        await session.flush()
        await append(session, [happened(found, "deadline", by=by, until=at and at.isoformat())])
    return found


async def cancel_overdue(database: Database) -> list[Project]:
    """Ask every project whose deadline has passed to cancel itself, and return those."""
    query = select(Project.id).where(
        col(Project.deadline_at) < now(),
        col(Project.state).not_in(FINAL_PROJECT_STATES),
        col(Project.control) != "cancel",
    )
    async with database.session() as session:
        overdue = list(await session.exec(query))
    return [project for name in overdue if (project := await cancel_if_overdue(database, name)) is not None]


@patient
async def cancel_if_overdue(database: Database, project: str) -> Project | None:
    """The same for one project; None when it has time left, has ended or is being cancelled."""
    async with database.session() as session:
        found = await session.get(Project, project)
    if found is None or found.deadline_at is None or found.deadline_at > now():
        return None
    try:
        reason = f"its deadline {_shown(found.deadline_at)} has passed"
        return await set_control(database, project, "cancel", by="soma", reason=reason)
    except Conflict:
        return None


@patient
async def noticed_in_prefect(
    database: Database, project: str, state: str, *, what: str = "its driver's run"
) -> bool:
    """Take what somebody did to a run in Prefect for what it means; whether it changed anything.

    `state` is the type of the run's state there: CANCELLING, CANCELLED or PAUSED, or any other for a run
    that was paused and is not any more.
    """
    want = IN_PREFECT.get(state, "run")
    try:
        await set_control(database, project, want, by="prefect", reason=f"{what} was {DONE[want]} in Prefect")
    except Conflict:
        return False
    return True


def _change(session: AsyncSession, project: Project, want: Want, *, by: str, reason: str) -> None:
    project.control, project.control_by, project.control_at = want, by, now()
    project.control_reason = storable(reason) or None
    session.add(project)
    facts = {"want": want, "by": by, "reason": project.control_reason}
    add_event(session, project.id, "project.control", data=facts)


async def _cancel_lines(session: AsyncSession, project: Project) -> None:
    change = update(NodeRecord).where(
        col(NodeRecord.project) == project.id, col(NodeRecord.state).not_in(FINAL_NODE_STATES)
    )
    await session.exec(change.values(state="cancelled", reason=project.reason, ended_at=now()))


def _verb(want: Want) -> str:
    return "resume" if want == "run" else want


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"
