"""The records, on the embedded PostgreSQL and on Debian's."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from blocks.errors import Conflict, NotFound, StaleAttempt, Unavailable
from blocks.identity import Principal
from blocks.records import approvals, audit, events, ledger, projects, tenants
from blocks.records.database import Database, upgrade
from blocks.records.tables import Approval, Project, now

Work = Callable[[Database], Awaitable[Any]]
Run = Callable[[Work], Any]


@pytest.fixture
def run(any_postgres_url: str, new_database: Callable[[str], str]) -> Run:
    """Runs a coroutine function on a migrated database of its own."""
    url = new_database(any_postgres_url)

    async def whole(work: Work) -> Any:
        await upgrade(url)
        database = Database(url)
        try:
            await tenants.ensure_tenant(database, "default")
            return await work(database)
        finally:
            await database.close()

    return lambda work: asyncio.run(whole(work))


def person(name: str) -> Principal:
    return Principal(tenant="default", name=name, roles=frozenset({"approver"}))


async def planned(database: Database, **changes: Any) -> Project:
    node = {"node": "a", "title": "A", "capsule": "a", "version": "1.0.0"}
    given: dict[str, Any] = {
        "tenant": "default",
        "title": "Try",
        "blueprint": "try",
        "inputs": {"x": 1},
        "plan": {},
        "plan_digest": "sha256:0",
        "nodes": [node, {**node, "node": "b"}],
        "requested_by": "ann",
    }
    return await projects.create_project(database, **{**given, **changes})


async def driven(database: Database) -> Project:
    project = await planned(database)
    await projects.mark_launched(database, project.id, tenant="default")
    return await projects.take_over(database, project.id, driver_run="run-1")


async def asked(database: Database, project: Project, digest: str = "sha256:1") -> Approval:
    async with database.session() as session:
        held = await projects.hold(session, project.id, project.fence)
        return await approvals.ask(
            session, held, node="a", question="May it?", details={}, action_digest=digest
        )


def test_migrations_are_applied_once_and_again_without_harm(run: Run) -> None:
    """Upgrading an upgraded database changes nothing."""

    async def work(database: Database) -> str:
        await upgrade(database.url)
        async with database.engine.connect() as connection:
            found = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return str(found.scalar_one())

    assert run(work) == "0010"


def test_the_tables_are_those_that_the_code_declares(run: Run) -> None:
    """Alembic finds no difference between the migrated database and the SQLModel tables."""
    from alembic import command

    from blocks.records.database import migrations

    async def work(database: Database) -> None:
        await asyncio.to_thread(command.check, migrations(database.url))

    run(work)


def test_a_project_is_launched_once(run: Run) -> None:
    """A second launch is a conflict that tells the project's state."""

    async def work(database: Database) -> None:
        project = await planned(database)
        await projects.mark_launched(database, project.id, tenant="default")
        with pytest.raises(Conflict, match="is running"):
            await projects.mark_launched(database, project.id, tenant="default")

    run(work)


def test_another_tenant_does_not_find_the_project(run: Run) -> None:
    """Somebody else's project is as absent as one that never was."""

    async def work(database: Database) -> None:
        project = await planned(database)
        with pytest.raises(NotFound):
            await projects.get_project(database, project.id, tenant="other")
        assert await projects.list_projects(database, tenant="other") == []

    run(work)


def test_an_older_driver_cannot_write(run: Run) -> None:
    """Once a second driver has taken the project over, the first one's fence shuts it out."""

    async def work(database: Database) -> None:
        first = await driven(database)
        second = await projects.take_over(database, first.id, driver_run="run-2")
        with pytest.raises(StaleAttempt):
            await ledger.open_attempt(database, first.id, "a", fence=first.fence, runtime="inline")
        attempt = await ledger.open_attempt(database, first.id, "a", fence=second.fence, runtime="inline")
        assert attempt.number == 1

    run(work)


def test_of_twenty_claims_on_an_attempt_one_succeeds(run: Run) -> None:
    """However many runs start for an attempt, one does it."""

    async def work(database: Database) -> int:
        project = await driven(database)
        attempt = await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime="process")
        claims = [ledger.start_attempt(database, attempt.id, flow_run=str(number)) for number in range(20)]
        done = await asyncio.gather(*claims, return_exceptions=True)
        return sum(not isinstance(one, StaleAttempt) for one in done)

    assert run(work) == 1


def test_a_result_is_recorded_once(run: Run) -> None:
    """The second record of the same attempt is refused and changes nothing."""

    async def work(database: Database) -> None:
        project = await driven(database)
        attempt = await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime="inline")
        await ledger.start_attempt(database, attempt.id, flow_run=None)
        await ledger.finish_attempt(database, attempt.id, "completed", result={"sha256": "1"})
        with pytest.raises(StaleAttempt):
            await ledger.finish_attempt(database, attempt.id, "completed", result={"sha256": "2"})
        line = (await ledger.list_nodes(database, project.id))[0]
        assert (line.state, line.result) == ("completed", {"sha256": "1"})

    run(work)


def test_a_lost_attempt_records_nothing_and_its_node_waits_again(run: Run) -> None:
    """The run of an attempt that was given up comes too late with its result."""

    async def work(database: Database) -> None:
        project = await driven(database)
        attempt = await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime="process")
        await ledger.start_attempt(database, attempt.id, flow_run="x")
        assert await ledger.give_up_attempt(database, attempt.id, "its process died", again=True)
        assert not await ledger.give_up_attempt(database, attempt.id, "again", again=True)
        with pytest.raises(StaleAttempt):
            await ledger.finish_attempt(database, attempt.id, "completed", result={"sha256": "1"})
        assert (await ledger.list_nodes(database, project.id))[0].state == "waiting"
        again = await ledger.open_attempt(database, project.id, "a", fence=project.fence, runtime="process")
        assert again.number == 2

    run(work)


def test_an_approval_is_asked_once_for_the_same_action(run: Run) -> None:
    """Asking again about the same digest finds the first question; another digest is another question."""

    async def work(database: Database) -> None:
        project = await driven(database)
        first, same = await asked(database, project), await asked(database, project)
        other = await asked(database, project, "sha256:2")
        assert (first.id == same.id, first.id == other.id) == (True, False)

    run(work)


def test_the_second_answer_is_refused_politely(run: Run) -> None:
    """The message says who answered first, and the first answer stands."""

    async def work(database: Database) -> None:
        approval = await asked(database, await driven(database))
        await approvals.decide_approval(database, approval.id, approved=True, by=person("ann"))
        with pytest.raises(Conflict, match="already approved by ann"):
            await approvals.decide_approval(database, approval.id, approved=False, by=person("bob"))
        assert (await approvals.get_approval(database, approval.id)).state == "approved"

    run(work)


def test_an_expired_approval_cannot_be_given(run: Run) -> None:
    """Nobody's answer in time counts as a refusal."""

    async def work(database: Database) -> None:
        approval = await asked(database, await driven(database))
        async with database.session() as session:
            held = await session.get_one(Approval, approval.id)
            held.expires_at = now() - timedelta(seconds=1)
            session.add(held)
        with pytest.raises(Conflict, match="already expired"):
            await approvals.decide_approval(database, approval.id, approved=True, by=person("ann"))

    run(work)


def test_a_project_does_not_go_to_rest_on_an_answered_question(run: Run) -> None:
    """An answer that comes while the driver goes to rest is never missed."""

    async def work(database: Database) -> tuple[bool, bool, str]:
        project = await driven(database)
        approval = await asked(database, project)
        await ledger.settle_node(database, project.id, "a", "awaiting_approval", fence=project.fence)
        rests = await projects.rest_project(database, project.id, fence=project.fence, reason="waits")
        await approvals.decide_approval(database, approval.id, approved=True, by=person("ann"))
        state = (await projects.get_project(database, project.id)).state
        again = await projects.rest_project(database, project.id, fence=project.fence, reason="waits")
        return rests, again, state

    assert run(work) == (True, False, "running")


def test_events_come_in_order_and_can_be_resumed(run: Run) -> None:
    """Reading after the last id seen gives what is new, and only that."""

    async def work(database: Database) -> None:
        project = await driven(database)
        seen = await events.events_after(database, project.id)
        await projects.move_project(
            database, project.id, fence=project.fence, state="failed", reason="no\0pe"
        )
        new = await events.events_after(database, project.id, seen[-1].id or 0)
        assert [event.data["state"] for event in new] == ["failed"]
        assert new[0].data["reason"] == "no\\x00pe"

    run(work)


def test_decisions_stored_twice_are_there_once(run: Run) -> None:
    """A batch that is sent again after a lost answer does no harm."""
    record = {"id": "dec_1", "kind": "decision", "tenant": "default", "at": now().isoformat()}

    async def work(database: Database) -> int:
        for _ in range(2):
            await audit.store_records(database, [record])
        return len(await audit.list_records(database, tenant="default"))

    assert run(work) == 1


def test_a_lock_has_one_holder(run: Run) -> None:
    """The second asks in vain until the first has left."""

    async def work(database: Database) -> list[bool]:
        async with database.lock("project:x") as first, database.lock("project:x") as second:
            inside = [first, second]
        async with database.lock("project:x") as third:
            return [*inside, third]

    assert run(work) == [True, False, True]


def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    """The error tells which address does not answer, and keeps the secret."""

    async def work() -> None:
        await Database("postgresql+asyncpg://me:geheim@127.0.0.1:9/soma").ping()

    with pytest.raises(Unavailable, match=r"me:\*\*\*@127\.0\.0\.1:9") as caught:
        asyncio.run(work())
    assert "geheim" not in str(caught.value)
