"""Forks: a new project that takes over what another had recorded up to some point, and goes on from there."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import BadInput, NotFound
from blocks.records.audit import append
from blocks.records.database import Database
from blocks.records.events import add_event
from blocks.records.project_changes import happened
from blocks.records.reach import UNDO, Reach, reach
from blocks.records.reruns import planned_as
from blocks.records.tables import Event, NodeRecord, Project

NODE_EVENTS = ("node.state", "node.reset", "node.respecified")


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A fork that is not recorded yet."""

    project: Project
    lines: list[NodeRecord]
    carried: list[str]
    """The nodes whose results it takes over, in the order of the plan."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a node had come to at some point."""

    state: str
    result: dict[str, Any] | None
    spec: dict[str, Any] | None
    """The node as in a plan, where the plan does not have it so."""


async def prepare_fork(
    database: Database,
    project: str,
    *,
    tenant: str,
    by: str,
    node: str | None = None,
    at: int | None = None,
    inputs: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> Fork:
    """A planned project like this one, whose nodes that had completed carry the recorded results.

    From `node` on everything is to be done, with those of its inputs changed; `at` is the number of an
    event: nothing that was recorded after it is carried. Nothing is written before `record_fork`.
    """
    async with database.session() as session:
        found = await session.get(Project, project)
        if found is None or found.tenant != tenant:
            raise NotFound(f"there is no project {project!r}; `soma status` lists them")
        query = select(NodeRecord).where(NodeRecord.project == project).order_by(col(NodeRecord.position))
        lines = {line.node: line for line in await session.exec(query) if not line.node.startswith(UNDO)}
        if at is not None:  # nodes that were made since would be made again, perhaps others
            lines = {name: line for name, line in lines.items() if line.parent is None}
        pasts = await _pasts(session, project, lines, at)
    if node is not None and node not in lines:
        raise NotFound(f"project {project!r} has no node {node!r}; it has {', '.join(list(lines)[:20])}")
    if inputs and node is None:
        raise BadInput("changed inputs are those of a node; say from which node the fork is to go on")
    return _forked(found, lines, pasts, by=by, node=node, at=at, inputs=inputs or {}, title=title)


async def record_fork(database: Database, fork: Fork, *, by: str) -> Project:
    """Write the fork down, all or nothing: a planned project that waits to be launched."""
    origin = fork.project.origin or {}
    async with database.session() as session:
        session.add(fork.project)
        await session.flush()
        session.add_all(fork.lines)
        add_event(session, fork.project.id, "project.state", data={"state": "planned"})
        add_event(session, fork.project.id, "project.forked", data=origin)
        add_event(session, origin["project"], "project.fork", data={"fork": fork.project.id, "by": by})
        await session.flush()
        record = happened(fork.project, "fork", by=by, origin=origin, carried=fork.carried)
        await append(session, [record])
    return fork.project


def _forked(
    project: Project,
    lines: Mapping[str, NodeRecord],
    pasts: Mapping[str, Past],
    *,
    by: str,
    node: str | None,
    at: int | None,
    inputs: Mapping[str, Any],
    title: str | None,
) -> Fork:
    origin = {"kind": "fork", "project": project.id, "node": node, "at": at, "inputs": sorted(inputs)}
    kept = {name: (project.origin or {}).get(name) for name in ("untrusted", "labels")}
    origin |= {name: value for name, value in kept.items() if value}  # an event's words stay an event's
    fresh = Project(
        tenant=project.tenant,
        title=title or f"{project.title} (fork)"[:200],
        blueprint=project.blueprint,
        inputs=deepcopy(project.inputs),
        plan=deepcopy(project.plan),
        plan_digest=project.plan_digest,
        priority=project.priority,
        requested_by=by,
        origin=origin,
    )
    specs = {name: pasts[name].spec or planned_as(project, name) for name in lines}
    touched = _touched(lines, specs, [node] if node is not None else [])
    gone = touched.dropped | _unmade(lines, pasts)
    copies = []
    for name, line in lines.items():
        if name in gone:
            continue
        copy = _copy(fresh.id, line, _past(name, specs[name], pasts[name], touched))
        if name == node and inputs:
            copy.spec = {**specs[name], "inputs": {**specs[name].get("inputs", {}), **inputs}}
        copies.append(copy)
    carried = [copy.node for copy in copies if copy.state == "completed"]
    return Fork(project=fresh, lines=copies, carried=carried)


def _touched(
    lines: Mapping[str, NodeRecord], specs: Mapping[str, Mapping[str, Any]], starts: Iterable[str]
) -> Reach:
    needs = {name: spec.get("needs", []) for name, spec in specs.items()}
    parents = {name: line.parent for name, line in lines.items() if line.parent is not None}
    return reach(needs, parents, starts)


def _unmade(lines: Mapping[str, NodeRecord], pasts: Mapping[str, Past]) -> set[str]:
    """The nodes that had not been made yet."""
    made = {"completed", "expanded"}
    return {
        name
        for name, line in lines.items()
        if line.parent is not None and pasts[line.parent].state not in made
    }


def _past(name: str, spec: Mapping[str, Any], past: Past, touched: Reach) -> Past:
    """What the fork takes over of a node: what had completed, unless it is to be done anew."""
    if name in touched.reset or past.state not in {"completed", "expanded"}:
        return replace(past, state="waiting", result=None)
    if name in touched.reopened:
        gathered = spec.get("each") is not None  # its result is nothing but what its children gave
        return replace(past, state="expanded", result=None if gathered else past.result)
    return past


def _copy(project: str, line: NodeRecord, past: Past) -> NodeRecord:
    return NodeRecord(
        project=project,
        node=line.node,
        position=line.position,
        title=line.title,
        capsule=line.capsule,
        version=line.version,
        parent=line.parent,
        spec=deepcopy(past.spec),
        state=past.state,
        result=past.result,
        started_at=line.started_at if past.state != "waiting" else None,
        ended_at=line.ended_at if past.state == "completed" else None,
    )


async def _pasts(
    session: AsyncSession, project: str, lines: Mapping[str, NodeRecord], at: int | None
) -> dict[str, Past]:
    """What each node has come to, or had when the event was recorded.

    What it was then, results and changed inputs, is what the next rerun after it has put away.
    """
    pasts = {name: Past(state=line.state, result=line.result, spec=line.spec) for name, line in lines.items()}
    if at is None:
        return pasts
    states = dict.fromkeys(lines, "waiting")
    put_away: dict[tuple[str, str], dict[str, Any]] = {}
    query = select(Event).where(Event.project == project, col(Event.kind).in_(NODE_EVENTS))
    for event in await session.exec(query.order_by(col(Event.id))):
        name = event.node or ""
        if name in lines and event.id is not None and event.id > at:
            put_away.setdefault((name, event.kind), event.data)
        elif name in lines and event.kind == "node.state":
            states[name] = event.data["state"]
    for name, past in pasts.items():
        result = put_away.get((name, "node.reset"), {"result": past.result})["result"]
        spec = put_away.get((name, "node.respecified"), {"spec": past.spec})["spec"]
        state = "waiting" if states[name] == "expanded" else states[name]
        pasts[name] = Past(state=state, result=result, spec=spec)
    return pasts
