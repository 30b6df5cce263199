"""What people want of a project, on a real PostgreSQL."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from blocks.errors import BadInput, Conflict, NotFound
from blocks.records import control, events, ledger, projects
from blocks.records.audit_tables import AuditRecord
from blocks.records.database import Database
from blocks.records.tables import Project, now

Run = Callable[[Callable[[Database], Awaitable[Any]]], Any]


async def project_in(database: Database, state: str, wanted: str = "run", **changes: Any) -> Project:
    line = {"node": "a", "title": "A", "capsule": "a", "version": "1.0.0"}
    made = await projects.create_project(
        database,
        tenant="default",
        title="Try",
        blueprint="try",
        inputs={},
        plan={"nodes": [{"id": "a"}]},
        plan_digest="sha256:0",
        nodes=[line],
        requested_by="ann",
    )
    async with database.session() as session:
        found = await session.get_one(Project, made.id)
        found.state, found.control = state, wanted
        for name, value in changes.items():
            setattr(found, name, value)
        session.add(found)
    return found


STATES = ["planned", "running", "awaiting_approval", "waiting", "paused", "cancelling"]
CASES = [
    # state, what was wanted, what is wanted now, the state at once or a word of the refusal
    ("planned", "run", "pause", "not launched"),
    ("planned", "run", "run", "not launched"),
    ("planned", "run", "cancel", "cancelled"),
    ("running", "run", "pause", "running"),  # until the nodes at work have ended
    ("running", "run", "run", "not paused"),
    ("running", "run", "cancel", "cancelling"),
    ("running", "pause", "run", "running"),
    ("running", "pause", "pause", "already"),
    ("awaiting_approval", "run", "pause", "paused"),
    ("waiting", "run", "pause", "paused"),
    ("waiting", "run", "cancel", "cancelling"),
    ("paused", "pause", "run", "running"),
    ("paused", "pause", "pause", "already"),
    ("paused", "pause", "cancel", "cancelling"),
    ("cancelling", "cancel", "run", "cannot be taken back"),
    ("cancelling", "cancel", "cancel", "already"),
    *((final, "run", want, "has ended") for final in ("completed", "failed") for want in ("pause", "cancel")),
    ("cancelled", "cancel", "run", "has ended"),
]


@pytest.mark.parametrize(("state", "wanted", "want", "expected"), CASES)
def test_each_wish_in_each_state(run: Run, state: str, wanted: str, want: Any, expected: str) -> None:
    """A wish that makes sense is recorded with its state at once; any other is refused in readable words."""

    async def work(database: Database) -> None:
        project = await project_in(database, state, wanted)
        if " " in expected or expected == "already":
            with pytest.raises(Conflict, match=expected):
                await control.set_control(database, project.id, want, by="ann", reason="it rains")
            after = await projects.get_project(database, project.id)
            assert (after.state, after.control) == (state, wanted)
            return
        before = await control.set_control(database, project.id, want, by="ann", reason="it rains")
        after = await projects.get_project(database, project.id)
        assert (before.state, before.control) == (state, wanted)
        assert (after.state, after.control) == (expected, want)
        assert (after.control_by, after.control_reason) == ("ann", "it rains")

    run(work)


def test_a_wish_is_in_the_events_and_in_the_audit_log(run: Run) -> None:
    """Who wanted what, and why, can be read afterwards in both."""

    async def work(database: Database) -> tuple[Any, Any]:
        project = await project_in(database, "running")
        await control.set_control(database, project.id, "cancel", by="ann", reason="too dear")
        told = await events.events_after(database, project.id)
        async with database.session() as session:
            query = (
                select(AuditRecord).where(AuditRecord.kind == "control").order_by(col(AuditRecord.sequence))
            )
            kept = [row for row in await session.exec(query) if project.id in row.record]
        return told, kept

    told, kept = run(work)

    assert [event.kind for event in told] == ["project.state", "project.control", "project.state"]
    assert told[1].data == {"want": "cancel", "by": "ann", "reason": "too dear"}
    assert told[2].data == {"state": "cancelling", "reason": "cancelled by ann: too dear"}
    assert len(kept) == 1
    assert '"by":"ann"' in kept[0].record
    assert '"event":"cancelled"' in kept[0].record


def test_a_planned_project_is_cancelled_with_its_nodes_and_without_a_driver(run: Run) -> None:
    """Nothing of it ran, so nothing has to be ended."""

    async def work(database: Database) -> Any:
        project = await project_in(database, "planned")
        await control.set_control(database, project.id, "cancel", by="ann")
        lines = await ledger.list_nodes(database, project.id)
        return await projects.get_project(database, project.id), [line.state for line in lines]

    project, states = run(work)

    assert (project.state, states) == ("cancelled", ["cancelled"])
    assert project.ended_at is not None


def test_nobody_commands_another_tenants_project(run: Run) -> None:
    """To other tenants there is no such project."""

    async def work(database: Database) -> None:
        project = await project_in(database, "running")
        with pytest.raises(NotFound):
            await control.set_control(database, project.id, "cancel", by="eve", tenant="others")
        assert (await projects.get_project(database, project.id)).control == "run"

    run(work)


@pytest.mark.parametrize("state", STATES)
def test_a_deadline_that_has_passed_cancels_once(run: Run, state: str) -> None:
    """Whatever a project rests in, its deadline is kept; afterwards there is nothing more to do."""

    async def work(database: Database) -> None:
        wanted = {"paused": "pause", "cancelling": "cancel"}.get(state, "run")
        project = await project_in(database, state, wanted, deadline_at=now() - timedelta(seconds=1))
        overdue = [found.id for found in await control.cancel_overdue(database)]
        after = await projects.get_project(database, project.id)
        assert overdue == ([] if state == "cancelling" else [project.id])
        assert after.state == ("cancelled" if state == "planned" else "cancelling")
        if state != "cancelling":
            assert "deadline" in (after.control_reason or "")
        assert await control.cancel_overdue(database) == []

    run(work)


def test_a_deadline_can_be_set_moved_and_taken_away(run: Run) -> None:
    """A moment that has passed is refused, and so is a deadline of a project that has ended."""

    async def work(database: Database) -> None:
        project = await project_in(database, "running")
        later = now() + timedelta(hours=1)
        await control.set_deadline(database, project.id, later, by="ann")
        assert (await projects.get_project(database, project.id)).deadline_at == later
        await control.set_deadline(database, project.id, None, by="ann")
        assert (await projects.get_project(database, project.id)).deadline_at is None
        with pytest.raises(BadInput, match="passed already"):
            await control.set_deadline(database, project.id, now() - timedelta(hours=1), by="ann")
        ended = await project_in(database, "completed")
        with pytest.raises(Conflict, match="completed"):
            await control.set_deadline(database, ended.id, later, by="ann")

    run(work)


@pytest.mark.parametrize(
    ("state", "wanted", "in_prefect", "expected"),
    [
        ("running", "run", "CANCELLING", "cancel"),
        ("running", "run", "CANCELLED", "cancel"),
        ("running", "run", "PAUSED", "pause"),
        ("paused", "pause", "SCHEDULED", "run"),
        ("running", "pause", "CANCELLED", "cancel"),
    ],
)
def test_what_was_done_in_prefect_counts_as_the_same_wish(
    run: Run, state: str, wanted: str, in_prefect: str, expected: str
) -> None:
    """It is recorded as wanted by `prefect`; noticed a second time, it changes nothing."""

    async def work(database: Database) -> None:
        project = await project_in(database, state, wanted)
        assert await control.noticed_in_prefect(database, project.id, in_prefect)
        assert not await control.noticed_in_prefect(database, project.id, in_prefect)
        after = await projects.get_project(database, project.id)
        assert (after.control, after.control_by) == (expected, "prefect")

    run(work)
