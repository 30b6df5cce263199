"""Concurrency limits: never one place too many, and each free again when its attempt ends."""

import asyncio
from collections.abc import Callable

import pytest

from blocks.errors import BadInput, NotFound
from blocks.records import ledger, limits, projects, tenants
from blocks.records.database import Database, upgrade
from blocks.records.tables import Project

NODES = 6


@pytest.fixture
def url(postgres_url: str, new_database: Callable[[str], str]) -> str:
    found = new_database(postgres_url)
    asyncio.run(upgrade(found))
    return found


async def launched(database: Database, *, priority: int = 0) -> Project:
    """A project that some driver has taken over."""
    await tenants.ensure_tenant(database, "acme")
    lines = [{"node": f"n{i}", "title": "N", "capsule": "c", "version": "1.0.0"} for i in range(NODES)]
    made = await projects.create_project(
        database,
        tenant="acme",
        title="T",
        blueprint="b",
        inputs={},
        plan={"priority": priority},
        plan_digest="d",
        nodes=lines,
        requested_by="ann",
    )
    await projects.mark_launched(database, made.id, tenant="acme")
    return await projects.take_over(database, made.id, driver_run=None)


async def take(database: Database, project: Project, node: str) -> str | None:
    """The id of the attempt, or None when there is no place; then the project stands in line."""
    try:
        opened = await ledger.open_attempt(
            database, project.id, node, fence=project.fence, runtime="inline", limits=["resource:x"]
        )
    except limits.NoPlace as full:
        await limits.stand_in_line(database, project.id, "acme", full.limit, project.priority)
        return None
    return opened.id


def test_many_at_once_never_take_one_place_too_many(url: str) -> None:
    """Three projects race for two places; all get one in the end, and never were there more than two."""

    async def work() -> tuple[int, int]:
        database, seen = Database(url), []
        await tenants.ensure_tenant(database, "acme")
        await limits.set_limit(database, tenant="acme", name="resource:x", most=2)

        async def one(project: Project, node: str) -> None:
            while (attempt := await take(database, project, node)) is None:  # noqa: ASYNC110  # as drivers do
                await asyncio.sleep(0.02)
            seen.append((await limits.list_limits(database, tenant="acme"))[0].taken)
            await ledger.give_up_attempt(database, attempt, "it was only to be counted", again=False)

        found = [await launched(database) for _ in range(3)]
        await asyncio.gather(*(one(project, f"n{i}") for project in found for i in range(NODES)))
        last = (await limits.list_limits(database, tenant="acme"))[0]
        await database.close()
        return max(seen), last.taken

    assert asyncio.run(work()) == (2, 0)


def test_the_project_of_higher_priority_gets_the_next_place(url: str) -> None:
    """Who waits longer goes first among equals, and who is more urgent before them all."""

    async def work() -> list[bool]:
        database = Database(url)
        await tenants.ensure_tenant(database, "acme")
        await limits.set_limit(database, tenant="acme", name="resource:x", most=1)
        holder, early, late = [await launched(database) for _ in range(3)]
        urgent = await launched(database, priority=5)
        held = await take(database, holder, "n0")
        for project in (early, late, urgent):
            await take(database, project, "n0")
        await ledger.give_up_attempt(database, str(held), "it has ended", again=False)
        got = [await take(database, late, "n0"), await take(database, early, "n0")]
        got.append(first := await take(database, urgent, "n0"))
        await ledger.give_up_attempt(database, str(first), "it has ended", again=False)
        got += [await take(database, late, "n0"), await take(database, early, "n0")]
        await database.close()
        return [item is not None for item in got]

    assert asyncio.run(work()) == [False, False, True, False, True]


def test_a_limit_has_a_name_that_can_mean_something(url: str) -> None:
    """A name of no kind, a number out of bounds and a limit that is not there are told so."""

    async def work() -> None:
        database = Database(url)
        for name, most in (("gpu", 1), ("resource:", 1), ("resource:x", -1)):
            with pytest.raises(BadInput):
                await limits.set_limit(database, tenant="acme", name=name, most=most)
        with pytest.raises(NotFound):
            await limits.remove_limit(database, tenant="acme", name="resource:x")
        await database.close()

    asyncio.run(work())
