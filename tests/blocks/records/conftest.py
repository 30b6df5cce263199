"""A migrated database for each file of tests, and work that is done on it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from blocks.records import tenants
from blocks.records.database import Database, upgrade

Work = Callable[[Database], Awaitable[Any]]


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, postgres_url: str) -> str:
    """The address of the file's database on the embedded PostgreSQL, migrated."""
    address = postgres_url.replace("/postgres?", f"/{request.path.stem}?")
    asyncio.run(upgrade(address))
    return address


@pytest.fixture
def run(url: str) -> Callable[[Work], Any]:
    """Runs a coroutine function on the file's database, in which there is the tenant `default`."""

    async def whole(work: Work) -> Any:
        database = Database(url)
        try:
            await tenants.ensure_tenant(database, "default")
            return await work(database)
        finally:
            await database.close()

    return lambda work: asyncio.run(whole(work))
