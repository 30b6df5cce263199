import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis.asyncio


def test_environment_is_clean(data_dir: Path):
    """A test sees its own data folder and nothing of the developer's hub."""
    seen = {name for name in os.environ if name.startswith(("SOMA_", "REDIS_", "QDRANT_"))}

    assert {"SOMA_DATA_DIR"} == seen
    assert str(data_dir) == os.environ["SOMA_DATA_DIR"]
    assert not data_dir.exists()


@pytest.mark.slow
def test_postgres_answers_on_both(any_postgres_url: str, new_database: Callable[[str], str]):
    """A database of a test's own can be made on the embedded PostgreSQL and on Debian's."""
    url = new_database(any_postgres_url).replace("+asyncpg", "", 1)

    async def current() -> str:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT current_database()")
        finally:
            await connection.close()

    assert asyncio.run(current()).startswith("test_")


@pytest.mark.slow
@pytest.mark.parametrize("fixture", ["valkey_url", "debian_redis_url"])
def test_key_value_answers_on_both(fixture: str, request: pytest.FixtureRequest):
    """The embedded Valkey and Debian's Redis keep what they are given."""
    url = request.getfixturevalue(fixture)

    async def keep() -> bytes:
        async with redis.asyncio.from_url(url) as client:
            await client.set("key", "value")
            return await client.get("key")

    assert asyncio.run(keep()) == b"value"


@pytest.mark.slow
def test_prefect_answers(prefect_api: str):
    """The session's Prefect server is ready and is the one that a test's flows report to."""
    from prefect import flow
    from prefect.client.orchestration import get_client

    @flow
    async def double(number: int) -> int:
        return number * 2

    async def run() -> tuple[int, int]:
        async with get_client() as client:
            before = len(await client.read_flow_runs())
            result = await double(21)
            return result, len(await client.read_flow_runs()) - before

    assert httpx.get(f"{prefect_api}/ready").is_success
    assert asyncio.run(run()) == (42, 1)
