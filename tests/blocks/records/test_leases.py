"""Leases, and what a dead process and a late one may still write; on the embedded PostgreSQL."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from blocks.errors import StaleAttempt
from blocks.records import leases, ledger, projects
from blocks.records.database import Database
from blocks.records.holding import assured, holding
from blocks.records.tables import Holder, Project

Work = Callable[[Database], Awaitable[Any]]
Run = Callable[[Work], Any]
LONG = 60.0
"""Seconds of a lease that does not end in a test."""


async def driven(database: Database, holder: str | None = None) -> Project:
    """A launched project of one node that a driver has taken over."""
    project = await projects.create_project(
        database,
        tenant="default",
        title="Try",
        blueprint="try",
        inputs={},
        plan={},
        plan_digest="sha256:0",
        nodes=[{"node": "a", "title": "A", "capsule": "a", "version": "1.0.0"}],
        requested_by="ann",
    )
    await projects.mark_launched(database, project.id, tenant="default")
    return await projects.take_over(database, project.id, driver_run=None, holder=holder)


async def claimed(database: Database, project: Project, holder: str, runtime: str = "process") -> Any:
    attempt = await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime=runtime)
    return await ledger.start_attempt(database, attempt.id, flow_run=None, holder=holder)


def gone_process() -> int:
    """The pid of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


async def enter(database: Database, seconds: float = LONG, **changes: Any) -> Holder:
    given = {"kind": "run", "host": leases.here(), "pid": os.getpid(), **changes}
    holder = Holder.model_validate({"expires_at": "2026-01-01T00:00:00Z", **given})
    await leases.add_holder(database, holder, seconds)
    return holder


def test_a_token_is_greater_than_any_that_was_given_before(run: Run) -> None:
    """Whatever keeps the greatest token it has seen can tell a late writer from the present one."""

    async def work(database: Database) -> None:
        found = [
            (await claimed(database, await driven(database), "one")).token,
            (await claimed(database, await driven(database), "two")).token,
        ]
        assert found == sorted(set(found))

    run(work)


def test_a_holder_may_ask_twice_for_its_attempt_and_nobody_else_once(run: Run) -> None:
    """An answer that got lost does no harm; another run never gets what is claimed."""

    async def work(database: Database) -> None:
        first = await claimed(database, await driven(database), "one")
        again = await ledger.start_attempt(database, first.id, flow_run=None, holder="one")
        assert again.token == first.token
        with pytest.raises(StaleAttempt):
            await ledger.start_attempt(database, first.id, flow_run=None, holder="two")

    run(work)


def test_a_result_said_twice_counts_once_and_another_one_not_at_all(run: Run) -> None:
    """What was recorded stays; whoever says the same again is content."""

    async def work(database: Database) -> list[str]:
        project = await driven(database)
        attempt = await claimed(database, project, "one")
        for _ in range(2):
            await ledger.finish_attempt(database, attempt.id, "completed", result={"sha256": "x"})
        with pytest.raises(StaleAttempt):
            await ledger.finish_attempt(database, attempt.id, "completed", result={"sha256": "y"})
        with pytest.raises(StaleAttempt):
            await ledger.finish_attempt(database, attempt.id, "failed", reason="late")
        return [item.state for item in await ledger.list_attempts(database, project.id)]

    assert run(work) == ["completed"]


def test_an_attempt_is_opened_once_by_one_driver(run: Run) -> None:
    """A driver that was not told that its attempt is queued finds that one, not a second."""

    async def work(database: Database) -> None:
        project = await driven(database)
        opened = [
            await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime="process")
            for _ in range(2)
        ]
        assert opened[0].id == opened[1].id

    run(work)


@pytest.mark.parametrize(
    ("changes", "seconds", "seen"),
    [
        ({}, LONG, None),
        ({"pid": 0}, LONG, "is gone"),
        ({"host": "elsewhere#1", "pid": 0}, LONG, None),
        ({"host": "elsewhere#1", "pid": 0}, -2.0, "let its lease run out"),
    ],
)
def test_a_death_is_seen_by_its_own_machine_at_once_and_by_others_when_its_lease_is_over(
    run: Run, changes: dict[str, Any], seconds: float, seen: str | None
) -> None:
    """A process that is on this machine is looked up; of another machine only the lease tells."""

    async def work(database: Database) -> str | None:
        given = {**changes, **({"pid": gone_process()} if "pid" in changes else {})}
        holder = await enter(database, seconds, **given)
        project = await driven(database)
        await claimed(database, project, holder.id)
        [watched] = await leases.watch_attempts(database, project.id, 0.0)
        return watched.death

    found = run(work)

    assert (found is None) if seen is None else seen in found


def test_a_restarted_database_takes_nobody_for_dead_until_all_could_renew(run: Run) -> None:
    """A lease that ended while PostgreSQL was away is no proof; one that is not renewed after is."""

    async def work(database: Database) -> list[bool]:
        holder = await enter(database, -5.0, host="elsewhere#1")
        async with database.session() as session:
            up = (await session.exec(text("SELECT now() - pg_postmaster_start_time()"))).scalar_one()
        found = []
        for lease in (up.total_seconds() + 3600, 0.0):
            dying = {found.id: left for found, left in await leases.dying_holders(database, lease)}
            found.append(dying.get(holder.id) is not None)
        return found

    assert run(work) == [False, True]


def test_nobody_is_buried_who_has_just_renewed_its_lease(run: Run) -> None:
    """Between the look and the verdict a process may have woken up; the database decides."""

    async def work(database: Database) -> list[bool]:
        holder = await enter(database, LONG, host="elsewhere#1")
        return [
            await leases.bury(database, holder.id, "seemed dead", if_over=0.0),
            await leases.bury(database, holder.id, "is dead"),
        ]

    assert run(work) == [False, True]


def test_a_process_that_lost_its_lease_stops_and_records_nothing(run: Run) -> None:
    """It learns of it at its next renewal, its work is cancelled and its effects are refused."""

    async def work(database: Database) -> str:
        project = await driven(database)
        async with holding(database, 1.0) as lease:
            holder = await lease.take("run", None)
            attempt = await claimed(database, project, holder)
            await leases.bury(database, holder, "taken for dead")
            await ledger.give_up_attempt(database, attempt.id, "taken for dead", again=True)
            with pytest.raises(StaleAttempt):
                await ledger.finish_attempt(database, attempt.id, "completed", result={"sha256": "x"})
            await asyncio.sleep(30)
        return "went on"

    with pytest.raises(StaleAttempt, match="declared dead"):
        run(work)


def test_a_process_that_slept_asks_before_it_does_anything(run: Run) -> None:
    """An effect after a pause longer than the lease happens only if the process still has its work."""

    async def work(database: Database) -> None:
        async with holding(database, LONG) as lease:
            holder = await lease.take("run", None)
            await assured()
            await leases.bury(database, holder, "slept too long")
            await assured()  # as far as it knows, its lease is good
            lease._keeper._good_until = 0.0
            with pytest.raises(StaleAttempt):
                await assured()
            await asyncio.sleep(10)

    with pytest.raises(StaleAttempt):
        run(work)


SLEEPER = """
import asyncio, sys
from blocks.records import ledger
from blocks.records.database import Database
from blocks.records.holding import holding

async def work(url, attempt):
    database = Database(url)
    try:
        async with holding(database, 1.0) as lease:
            holder = await lease.take("run", None)
            await ledger.start_attempt(database, attempt, flow_run=None, holder=holder)
            print("claimed", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await ledger.finish_attempt(database, attempt, "completed", result={"sha256": "late"})
    finally:
        await database.close()

asyncio.run(work(*sys.argv[1:]))
"""


def asleep(*arguments: str) -> "subprocess.Popen[bytes]":
    """A process that claims an attempt, waits for a line, and records a result."""
    path = os.pathsep.join([str(Path(*Path(__file__).parts[:-4])), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", SLEEPER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_a_process_that_was_stopped_and_wakes_late_can_record_nothing(run: Run) -> None:
    """SIGSTOP, its lease runs out, others are given its work, SIGCONT: its result is refused."""

    async def work(database: Database) -> list[Any]:
        project = await driven(database)
        attempt = await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime="process")
        sleeper = asleep(database.url, attempt.id)
        try:
            await asyncio.to_thread(sleeper.stdout.readline)
            sleeper.send_signal(signal.SIGSTOP)
            await the_death(database, project)
            await ledger.give_up_attempt(database, attempt.id, "its lease ran out", again=True)
            other = await claimed(database, project, "another")
            sleeper.send_signal(signal.SIGCONT)
            sleeper.stdin.write(b"\n")
            sleeper.stdin.close()
            status = await asyncio.to_thread(sleeper.wait, 60)
            await ledger.finish_attempt(database, other.id, "completed", result={"sha256": "right"})
        finally:
            sleeper.kill()
            sleeper.wait()
        line = (await ledger.list_nodes(database, project.id))[0]
        return [status != 0, line.result, [a.state for a in await ledger.list_attempts(database, project.id)]]

    assert run(work) == [True, {"sha256": "right"}, ["lost", "completed"]]


async def the_death(database: Database, project: Project) -> None:
    """Wait until the project's process is known to be dead, and bury it."""
    while True:
        [watched] = await leases.watch_attempts(database, project.id, 1.0)
        if watched.death and await leases.bury(database, watched.holder.id, watched.death, if_over=1.0):
            return
        await asyncio.sleep(0.2)


def test_a_project_is_undriven_when_its_driver_was_declared_dead_and_not_before(run: Run) -> None:
    """The reconciler starts no second driver beside a living one."""

    async def work(database: Database) -> list[bool]:
        holder = await enter(database)
        project = await driven(database, holder.id)
        async with database.session() as session:
            await session.exec(
                text(f"UPDATE projects SET launched_at = now() - interval '1 h' WHERE id = '{project.id}'")
            )
        found = []
        for _ in range(2):
            undriven = await projects.undriven_projects(database)
            found.append(project.id in [item.id for item in undriven])
            await leases.bury(database, holder.id, "it died")
        return found

    assert run(work) == [False, True]
