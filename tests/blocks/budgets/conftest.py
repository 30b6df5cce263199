"""One migrated database for the session, in which each test has a tenant of its own."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from blocks.records.database import Database, upgrade
from blocks.records.tenants import ensure_tenant

Run = Callable[[Callable[[Database], Awaitable[Any]]], Any]


@pytest.fixture(scope="session")
def books_url(database_url: str) -> str:
    """The address of a database with the hub's tables."""
    asyncio.run(upgrade(database_url))
    return database_url


@pytest.fixture
def tenant(books_url: str) -> str:
    """A tenant that nobody else uses."""
    name = f"t-{secrets.token_hex(4)}"

    async def make() -> None:
        database = Database(books_url)
        await ensure_tenant(database, name)
        await database.close()

    asyncio.run(make())
    return name


@pytest.fixture
def run(books_url: str) -> Run:
    """Runs a coroutine function on the database."""

    async def whole(work: Callable[[Database], Awaitable[Any]]) -> Any:
        database = Database(books_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return lambda work: asyncio.run(whole(work))
