"""The chain in PostgreSQL: without gap and without doubles, whoever writes and whatever dies."""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from blocks.audit.entries import entry
from blocks.audit.verification import Verified, verify
from blocks.keys import SigningKey
from blocks.records.audit import append, list_records, store_records
from blocks.records.audit_export import Range, export_lines, find_range
from blocks.records.audit_heads import ChainBroken, list_heads, sign_end
from blocks.records.database import Database, migrations, upgrade

Work = Callable[[Database], Awaitable[Any]]

WRITER = """
import asyncio, sys
from functools import partial
from blocks.audit.log import AuditLog
from blocks.records.audit import store_records
from blocks.records.database import Database
database = Database(sys.argv[1], pool_size=1)
log = AuditLog(partial(store_records, database), at_end=database.close)
number = 0
print("ready", flush=True)
while number < int(sys.argv[3]):
    for _ in range(20):
        number += 1
        log.note("memory", "acme", event="purged", by=sys.argv[2], count=number)
    log.flush_blocking()
    print(number, flush=True)
asyncio.run(log.close())
"""


@pytest.fixture(scope="module")
def made(postgres_url: str) -> str:
    """A migrated database for this file."""
    url = postgres_url.replace("/postgres?", "/audit_chain?")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture
def run(made: str) -> Callable[[Work], Any]:
    async def whole(work: Work) -> Any:
        database = Database(made)
        try:
            async with database.session() as session:
                for table in ("audit_records", "audit_chain_ends", "audit_signed_heads"):
                    await session.exec(text(f"DELETE FROM {table}"))
            return await work(database)
        finally:
            await database.close()

    return lambda work: asyncio.run(whole(work))


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    (tmp_path / "keys").mkdir()
    return SigningKey.ensure(tmp_path / "keys")


async def checked(database: Database, key: SigningKey, tenant: str = "acme") -> Verified:
    await sign_end(database, key, tenant)
    part = await find_range(database, tenant)
    lines = [line async for line in export_lines(database, tenant, part, columns=True)]
    return verify(lines, {key.id: key.public})


def writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, url, name, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())


def test_processes_that_write_at_once_and_die_leave_one_whole_chain(run, made, key):
    """Three write, one is killed at a random moment: no gap, nothing twice, all that was flushed is there."""

    async def work(database):
        first, second, third = (
            writer(made, name, count) for name, count in (("a", 100), ("b", 100), ("c", 10**6))
        )
        assert third.stdout.readline() == "ready\n"
        await asyncio.sleep(random.uniform(0.2, 0.8))
        third.kill()
        flushed = [int(line) for line in third.communicate()[0].splitlines()]
        assert [process.wait(120) for process in (first, second)] == [0, 0]
        rows = await list_records(database, tenant="acme", kind="memory", limit=10**6)
        seen = await checked(database, key)
        return rows, seen, flushed

    rows, seen, flushed = run(work)
    bodies = [json.loads(row.record) for row in rows]
    counts = {name: [body["count"] for body in bodies if body["by"] == name] for name in "abc"}

    assert seen.findings == []
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    assert counts["a"] == counts["b"] == list(range(1, 101))
    assert counts["c"] == list(range(1, len(counts["c"]) + 1))
    assert len(counts["c"]) >= max(flushed, default=0)


def test_a_batch_that_is_stored_again_is_not_there_twice(run, key):
    """When the answer to a commit was lost, the log tries again; the records are known by their ids."""

    async def work(database):
        records = [entry("memory", "acme", count=number) for number in range(500)]
        await store_records(database, records)
        await store_records(database, [*records, entry("memory", "acme", count=500), records[0]])
        return await checked(database, key)

    seen = run(work)
    assert (seen.findings, seen.records) == ([], 501)


def test_text_of_every_kind_is_kept_as_it_is_hashed(run, key):
    """NUL, half surrogate pairs, large texts and other planes: stored, repeated in columns, and verified."""
    strange = ["nul \0 here", "half \ud800 pair", "\U0001f9e0", "ü" * 300_000, "\x7f\x1b[0m", ""]

    async def work(database):
        await store_records(
            database,
            [entry("outcome", "acme", action=said, project=said, extra={said: said}) for said in strange],
        )
        return await checked(database, key), await list_records(database, tenant="acme", kind="outcome")

    seen, rows = run(work)
    assert seen.findings == []
    assert json.loads(rows[0].record)["action"] == "nul \0 here"
    assert json.loads(rows[3].record)["action"] == "ü" * 300_000


async def fail_after_appending(database: Database) -> None:
    async with database.session() as session:
        await append(session, [entry("memory", "acme", event="undone")])
        raise RuntimeError("the rest failed")


def test_a_record_appended_in_a_transaction_comes_and_goes_with_it(run, key):
    """What was rolled back leaves no gap."""

    async def work(database):
        await store_records(database, [entry("memory", "acme", event="before")])
        with pytest.raises(RuntimeError):
            await fail_after_appending(database)
        await store_records(database, [entry("memory", "acme", event="after"), entry("memory", "b", x=1)])
        return await checked(database, key), await checked(database, key, "b")

    seen, other = run(work)
    assert (seen.findings, seen.records) == ([], 2)
    assert (other.findings, other.records) == ([], 1)


def test_a_chain_that_was_changed_is_signed_no_further(run, key):
    """A head vouches for what it covers; of a forged continuation nobody gets one."""

    async def work(database):
        await store_records(database, [entry("memory", "acme", count=number) for number in range(4)])
        await sign_end(database, key, "acme")
        await store_records(database, [entry("memory", "acme", count=number) for number in range(4)])
        async with database.session() as session:
            await session.exec(text("UPDATE audit_records SET record = '{}' WHERE sequence = 6"))
        with pytest.raises(ChainBroken, match="6"):
            await sign_end(database, key, "acme")
        lines = [line async for line in export_lines(database, "acme", Range(first=1, last=8))]
        return verify(lines, {key.id: key.public}), await list_heads(database, "acme")

    seen, heads = run(work)
    assert [(head.sequence, head.after) for head in heads] == [(4, 0)]
    assert {(found.kind, found.sequence) for found in seen.findings} >= {("edited", 6), ("unsigned", 5)}


def test_a_cut_end_is_located_by_the_last_head(run, key):
    """Records that vanish with the end of the chain are missed by the head that covered them."""

    async def work(database):
        await store_records(database, [entry("memory", "acme", count=number) for number in range(6)])
        await sign_end(database, key, "acme")
        async with database.session() as session:
            await session.exec(text("DELETE FROM audit_records WHERE sequence > 3"))
        part = await find_range(database, "acme")
        return verify([line async for line in export_lines(database, "acme", part)], {key.id: key.public})

    assert {(found.kind, found.sequence) for found in run(work).findings} >= {("head", 6), ("truncated", 3)}


def test_decisions_from_before_the_chain_become_its_first_links(postgres_url, new_database, key):
    """The migration carries them over in their order, tenant by tenant, and they verify."""
    url = new_database(postgres_url)

    async def work():
        await asyncio.to_thread(command.upgrade, migrations(url), "0001")
        database = Database(url)
        try:
            async with database.session() as session:
                await session.exec(text(OLD_DECISIONS))
            await upgrade(url)
            rows = await list_records(database, tenant="acme")
            return rows, await checked(database, key), await checked(database, key, "other")
        finally:
            await database.close()

    rows, seen, other = asyncio.run(work())
    assert (seen.findings, seen.records, other.findings, other.records) == ([], 1200, [], 1)
    assert (rows[0].id, rows[0].principal, rows[0].verdict) == ("dec_1", "ada", "allow")
    assert json.loads(rows[0].record)["articles"] == [{"article": "x"}]


OLD_DECISIONS = """
INSERT INTO decisions (id, tenant, project, stage, action, verdict, articles, principal, constitution,
                       arguments_sha256, at, capsule)
SELECT 'dec_' || n, CASE WHEN n = 1201 THEN 'other' ELSE 'acme' END, 'prj_1', 'task', 'x', 'allow',
       '[{"article": "x"}]', 'ada', 'abc', 'def', timestamptz '2026-01-01' + n * interval '1 second', 'c'
FROM generate_series(1, 1201) AS n
"""
