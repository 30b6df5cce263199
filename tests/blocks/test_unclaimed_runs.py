"""Runs that no process has begun, on a real Prefect server: what is said of them, and which are closed."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Pending, Running, State

from blocks import unclaimed_runs
from blocks.driver_runs import Drivers
from blocks.records import leases, ledger, projects, tenants
from blocks.records.database import Database, upgrade
from blocks.records.tables import Holder
from blocks.unclaimed_runs import UnclaimedRuns


@flow
def idle() -> None:
    """Nobody ever runs it."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given time before it is looked at."""
    for name in ("LATE", "SILENT", "UNSTARTED"):
        monkeypatch.setattr(unclaimed_runs, name, timedelta(0))


@pytest.fixture(scope="module")
def url(postgres_url: str) -> str:
    address = postgres_url.replace("/postgres?", "/unclaimed?")
    asyncio.run(upgrade(address))
    return address


async def queued(database: Database) -> Any:
    """An attempt that waits for a run to claim it."""
    await tenants.ensure_tenant(database, "default")
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
    driver = await projects.take_over(database, project.id, driver_run=None)
    return await ledger.open_attempt(database, project.id, "a", fence=driver.fence, runtime="process")


async def deployed(key: str, state: State[Any] | None) -> str:
    """A run of a capsule's deployment on a pool that has no worker; its id."""
    pool = f"pool-{secrets.token_hex(4)}"
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        deployment = await client.create_deployment(
            flow_id=await client.create_flow(idle), name="hub", work_pool_name=pool
        )
        run = await client.create_flow_run_from_deployment(
            deployment, idempotency_key=key, tags=["capsule"], state=None
        )
        if state is not None:
            await client.set_flow_run_state(run.id, state, force=True)
        return str(run.id)


def test_a_run_that_no_worker_takes_is_left_and_its_node_says_why(url: str, prefect_api: str) -> None:
    """The reason names the pool, once; the run stays as it is."""

    async def work() -> tuple[str | None, list[str]]:
        database, prefect = Database(url), Drivers(prefect_api)
        attempt = await queued(database)
        await deployed(attempt.id, None)
        unclaimed = UnclaimedRuns(database, prefect)
        closed = await unclaimed.look() + await unclaimed.look()
        line = (await ledger.list_nodes(database, attempt.project))[0]
        await database.close()
        await prefect.close()
        return line.reason, closed

    reason, closed = asyncio.run(work())

    assert reason is not None
    assert "waits for a worker of pool 'pool-" in reason
    assert "none is there" in reason
    assert closed == []


@pytest.mark.parametrize("state", [Running, Pending], ids=["running", "pending"])
def test_a_run_whose_process_never_came_is_closed_at_the_second_look(
    url: str, prefect_api: str, state: Any
) -> None:
    """One look may be too early; a run with a lease is left alone."""

    async def work() -> list[list[bool]]:
        database, prefect = Database(url), Drivers(prefect_api)
        runs = [await deployed(secrets.token_hex(8), state()) for _ in range(2)]
        holder = Holder.model_validate(
            {"kind": "run", "flow_run": runs[1], "host": leases.here(), "pid": 1, "expires_at": "2026-01-01"}
        )
        await leases.add_holder(database, holder, 600)
        unclaimed = UnclaimedRuns(database, prefect)
        looks = [await unclaimed.look() for _ in range(2)]
        await leases.forget(database, [holder.id])
        await database.close()
        await prefect.close()
        return [[run in closed for run in runs] for closed in looks]

    assert asyncio.run(work()) == [[False, False], [True, False]]
