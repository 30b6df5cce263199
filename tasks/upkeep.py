"""Upkeep: what the hub does by itself, by the clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.client.orchestration import get_client

from blocks.driver_runs import start_driver
from blocks.records.database import Database
from blocks.records.projects import undriven_projects
from blocks.records.tending import tend_approvals
from blocks.settings import load_settings
from tasks.governed import governed_task


@governed_task(effect=True)
async def close_overdue_approvals() -> list[str]:
    """Expire the approvals that nobody answered in time; return their ids."""
    async with _records() as database:
        return (await tend_approvals(database)).expired


@governed_task(effect=True)
async def restart_projects() -> list[str]:
    """Start a driver for every project that should have one and has none; return their ids."""
    async with _records() as database, get_client() as client:
        undriven = await undriven_projects(database)
        for project in undriven:
            await start_driver(client, project)
        return [project.id for project in undriven]


@asynccontextmanager
async def _records() -> AsyncIterator[Database]:
    database = Database(load_settings().database_address, pool_size=2)
    try:
        yield database
    finally:
        await database.close()
