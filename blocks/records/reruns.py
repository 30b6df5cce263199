"""Reruns: a node and all that stands on it are done anew; what was recorded of them is kept as history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import Conflict, NotFound
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.project_changes import happened, locked, move
from blocks.records.reach import UNDO, Reach, reach
from blocks.records.tables import FINAL_PROJECT_STATES, Event, NodeRecord, Project, now
from blocks.records.text import storable

RESTING = FINAL_PROJECT_STATES | {"waiting", "awaiting_approval"}
"""States in which no process is at work: the project has to be driven again."""


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """A rerun that is recorded."""

    project: Project
    reset: list[str]
    """In the order of the plan."""
    idle: bool
    """Whether no driver was at work on the project, so that one has to be started."""


async def rerun_from(
    database: Database,
    project: str,
    node: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    by: str,
    reason: str = "",
    tenant: str | None = None,
) -> Rerun:
    """Let a node be done anew, with some of its inputs changed if wanted, and all that stands on it.

    Works on ended projects too, which run again; a paused one stays paused. `Conflict` while one of the
    nodes is at work: pause or cancel the project first.
    """
    async with database.session() as session:
        found = await locked(session, project, tenant)
        done = await rerun_in(session, found, node, inputs, by=by, reason=reason)
        await session.flush()
        await append(session, [rerun_record(done, node, inputs, by=by, reason=reason)])
    return done


async def rerun_in(
    session: AsyncSession,
    project: Project,
    node: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    by: str,
    reason: str = "",
) -> Rerun:
    """The same in the caller's transaction, which has locked the project and tells the audit log."""
    lines = await _lines(session, project.id)
    _check(project, lines)
    if node not in lines or node.startswith(UNDO):
        raise NotFound(f"project {project.id!r} has no node {node!r} to do again; it has {_some(lines)}")
    specs = {name: spec_of(project, line) for name, line in lines.items()}
    parents = {name: line.parent for name, line in lines.items() if line.parent is not None}
    needs = {name: spec.get("needs", []) for name, spec in specs.items()}
    touched = reach(needs, parents, {node, *_undone(project, lines)})
    _are_idle(project, [lines[name] for name in (*touched.reset, *touched.dropped)])
    begun = await _begin(
        session, project, {"from": node, "nodes": len(touched.reset), "by": by, "reason": reason}
    )
    former = {"by": by, "rerun": begun}
    if inputs:
        old = specs[node]
        add_event(session, project.id, "node.respecified", node, {"spec": lines[node].spec, **former})
        lines[node].spec = {**old, "inputs": {**old.get("inputs", {}), **inputs}}
    await _apply(session, lines, touched, specs, former)
    return _set_going(session, project, touched, lines, by=by, reason=reason)


def spec_of(project: Project, line: NodeRecord) -> dict[str, Any]:
    """The node as in a plan: what was made of it at run time, else what was planned."""
    return line.spec if line.spec is not None else planned_as(project, line.node)


def planned_as(project: Project, node: str) -> dict[str, Any]:
    """The node as the project's plan has it."""
    planned = (found for found in project.plan.get("nodes", []) if found["id"] == node)
    return next(planned, {"id": node})


def rerun_record(
    done: Rerun, node: str, inputs: Mapping[str, Any] | None, *, by: str, reason: str
) -> dict[str, Any]:
    """What the audit log keeps of a rerun; of changed inputs, the names."""
    more = {"node": node, "nodes": done.reset, "inputs": sorted(inputs or {})}
    return happened(done.project, "rerun", by=by, reason=reason, **more)


def _check(project: Project, lines: Iterable[str]) -> None:
    if project.state == "planned":
        raise Conflict(f"project {project.id!r} was not launched yet; `soma launch` is what it waits for")
    if project.control == "cancel" and project.state != "cancelled":
        raise Conflict(f"project {project.id!r} is being cancelled; do it again once it is cancelled")
    if project.state not in FINAL_PROJECT_STATES and any(name.startswith(UNDO) for name in lines):
        raise Conflict(f"project {project.id!r} takes back what it did; do it again once it has ended")


def _are_idle(project: Project, lines: Iterable[NodeRecord]) -> None:
    busy = sorted(line.node for line in lines if line.state in {"queued", "running"})
    if busy:
        raise Conflict(
            f"{_some(busy)} of project {project.id!r} {'is' if len(busy) == 1 else 'are'} at work",
            mend="wait until that has ended, or pause or cancel the project first",
        )


def _undone(project: Project, lines: Mapping[str, NodeRecord]) -> set[str]:
    """Nodes that are not done any more, or were never come to, because the project was given up."""
    taken_back = {line.parent for name, line in lines.items() if name.startswith(UNDO) and line.attempt}
    cut_off = {
        name
        for name, line in lines.items()
        if project.state == "cancelled" and line.state == "cancelled" and not name.startswith(UNDO)
    }
    return cut_off | {name for name in taken_back if name is not None}


async def _lines(session: AsyncSession, project: str) -> dict[str, NodeRecord]:
    query = select(NodeRecord).where(NodeRecord.project == project).order_by(col(NodeRecord.position))
    found = await session.exec(query.with_for_update().execution_options(populate_existing=True))
    return {line.node: line for line in found}


async def _apply(
    session: AsyncSession,
    lines: Mapping[str, NodeRecord],
    touched: Reach,
    specs: Mapping[str, Mapping[str, Any]],
    former: Mapping[str, Any],
) -> None:
    undoing = {name for name in lines if name.startswith(UNDO)}
    for name in touched.dropped | undoing:
        _remember(session, lines[name], {**former, "gone": True})
        await session.delete(lines[name])
    for name in touched.reset - undoing:
        line = lines[name]
        _remember(session, line, former)
        line.generation += 1
        line.state, line.result, line.flow_run, line.started_at = "waiting", None, None, None
        _open(session, line)
    for name in touched.reopened - undoing:
        line = lines[name]
        _remember(session, line, former)
        line.state = "expanded"
        if specs[name].get("each") is not None:  # its result is nothing but what its children gave
            line.result = None
        _open(session, line)


def _open(session: AsyncSession, line: NodeRecord) -> None:
    line.reason = line.ended_at = line.due_at = None
    session.add(line)
    facts = {"state": line.state, "attempt": line.attempt, "reason": None, "flow_run": line.flow_run}
    add_event(session, line.project, "node.state", line.node, facts)


def _remember(session: AsyncSession, line: NodeRecord, former: Mapping[str, Any]) -> None:
    """Write down what a node had come to, before it is done anew; nothing of one that had not begun."""
    if line.state == "waiting" and not line.attempt:
        return
    kept = {
        "generation": line.generation,
        "state": line.state,
        "attempt": line.attempt,
        "reason": line.reason,
        "result": line.result,
        "ended_at": line.ended_at and line.ended_at.isoformat(),
    }
    add_event(session, line.project, "node.reset", line.node, {**kept, **former})


async def _begin(session: AsyncSession, project: Project, told: dict[str, Any]) -> int:
    """Say in the events that a rerun begins; the number of that event, before which all was as it was."""
    event = Event(project=project.id, kind="project.rerun", data=told)
    session.add(event)
    await session.flush()
    return event.id or 0


def _set_going(
    session: AsyncSession,
    project: Project,
    touched: Reach,
    lines: Mapping[str, NodeRecord],
    *,
    by: str,
    reason: str,
) -> Rerun:
    """Set the project going, where it is not paused."""
    idle = project.state in RESTING
    project.control_at, project.control_by = now(), by
    project.control_reason = storable(reason) or None
    if idle:
        project.control, project.driver_run, project.wake_at = "run", None, None
        project.deliverables = []
        if project.deadline_at is not None and project.deadline_at <= now():
            project.deadline_at = None
        move(session, project, "running", None)
    session.add(project)
    return Rerun(project=project, reset=[name for name in lines if name in touched.reset], idle=idle)


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:10]) + (" …" if len(shown) > 10 else "")
