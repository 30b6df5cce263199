"""Upkeep: what the hub does by itself, by the clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.driver_runs import Drivers
from blocks.reconciling import Reconciler
from blocks.records.database import Database
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
    """Find dead runs, tell Prefect, and start a driver for every project without one; return their ids."""
    settings = load_settings()
    prefect = Drivers(settings.prefect_api_url)
    try:
        async with _records() as database:
            found = await Reconciler(database, prefect, lease_seconds=settings.lease_seconds).look()
    finally:
        await prefect.close()
    return list(found.driven)


@asynccontextmanager
async def _records() -> AsyncIterator[Database]:
    database = Database(load_settings().database_address, pool_size=2)
    try:
        yield database
    finally:
        await database.close()
