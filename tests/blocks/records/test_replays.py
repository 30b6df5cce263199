"""Replays and shadows over the kept records: bounded, in order, and each tenant's own."""

import asyncio
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from blocks.constitution.document import parse_constitution
from blocks.errors import NotFound
from blocks.records.audit import list_records, store_records
from blocks.records.constitution_tables import Shadow
from blocks.records.database import Database, upgrade
from blocks.records.replays import get_replay, list_replays, make_replay, recorded
from blocks.records.shadows import shadow_report
from blocks.records.tenants import ensure_tenant

CANDIDATE = """
apiVersion: soma/v1
kind: Constitution
metadata: {name: candidate, version: '2.0.0'}
default: allow
articles:
  - id: three
    title: Three are enough
    stages: [tool.call]
    actions: [mail.send]
    when: history.count("tool.call", "mail.send") >= 3
    verdict: deny
    reason: three were sent
"""
NOW = datetime.now(UTC)
MANY = """
INSERT INTO audit_records
    (tenant, sequence, id, kind, at, project, stage, action, verdict, record, previous, hash)
SELECT 'acme', 1000 + n, 'dec_many' || n, 'decision', cast(:at AS timestamptz), 'prj_' || (n % 1000),
       'tool.call', 'mail.send', 'allow',
       replace(replace(:record, 'dec_0', 'dec_many' || n), 'prj_0', 'prj_' || (n % 1000)), '', ''
FROM generate_series(1, :count) AS n
"""


@pytest.fixture(scope="module")
def database_of_replays(postgres_url):
    """The address of a database of this module's own."""
    url = postgres_url.replace("/postgres?", "/replays?")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture
def acting(database_of_replays):
    """Runs work on the database, with nothing in it but the tenants."""

    def run(work):
        async def act():
            database = Database(database_of_replays)
            try:
                async with database.session() as session:
                    for table in ("audit_records", "audit_chain_ends", "replays"):
                        await session.exec(text(f"DELETE FROM {table}"))
                for tenant in ("acme", "other"):
                    await ensure_tenant(database, tenant)
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(act())

    return run


def decision(number, *, project="prj_0", tenant="acme", at=NOW, **more):
    arguments = {"to": "ada"}
    return {
        "id": f"dec_{number}",
        "kind": "decision",
        "tenant": tenant,
        "at": at.isoformat(),
        "project": project,
        "node": None,
        "stage": "tool.call",
        "action": "mail.send",
        "verdict": "allow",
        "articles": [],
        "constitution": "0" * 64,
        "facts": {
            "task": {"name": "mail.send", "arguments": arguments},
            "tool": {"name": "mail.send", "arguments": arguments},
        },
        "answers": {},
        **more,
    }


def replay(database, *, tenant="acme", project=None, ago=timedelta(days=1)):
    return make_replay(
        database,
        tenant=tenant,
        candidate=parse_constitution(CANDIDATE, "candidate"),
        since=datetime.now(UTC) - ago,
        by="ada",
        project=project,
    )


def test_projects_are_replayed_one_after_the_other(acting):
    """However the chain interleaves them, each project has its own history; other tenants are not seen."""

    async def work(database):
        mixed = [decision(number, project=f"prj_{number % 2}") for number in range(8)]
        await store_records(database, [*mixed, decision("other", tenant="other")])
        return (await replay(database)).report, (await replay(database, project="prj_1")).report

    everything, one = acting(work)

    assert (everything["decisions"], everything["changes"]["refused"]) == (8, 2)
    assert {item["project"]: item["refused"] for item in everything["projects"]} == {"prj_0": 1, "prj_1": 1}
    assert (one["decisions"], one["changes"]["refused"], one["project"]) == (4, 1, "prj_1")


def test_what_lies_before_the_period_is_history_of_projects_that_go_on(acting):
    """Earlier decisions come along for a project that goes on in the period, and are not counted."""
    earlier = NOW - timedelta(days=3)

    async def work(database):
        old = [decision(number, at=earlier) for number in range(3)]
        gone = [decision(f"gone{number}", at=earlier, project="prj_gone") for number in range(9)]
        await store_records(database, [*old, *gone, decision("new")])
        since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
        batches = [batch async for batch in recorded(database, tenant="acme", since=since, until=until)]
        return sum(map(len, batches)), (await replay(database)).report

    streamed, report = acting(work)

    assert streamed == 4
    assert (report["decisions"], report["changes"]["refused"]) == (1, 1)


def test_who_looked_is_remembered(acting):
    """A report that was fetched by a principal is looked at by it, once; another tenant finds nothing."""

    async def work(database):
        made = await replay(database)
        await get_replay(database, made.id, tenant="acme")
        unseen = (await get_replay(database, made.id, tenant="acme")).looked_at_by
        for by in ("ada", "ben", "ada"):
            await get_replay(database, made.id, tenant="acme", by=by)
        with pytest.raises(NotFound):
            await get_replay(database, made.id, tenant="other", by="eve")
        kept = await list_records(database, tenant="acme", kind="constitution")
        return unseen, await list_replays(database, tenant="acme"), json.loads(kept[0].record)

    unseen, (listed,), entry = acting(work)

    assert (unseen, listed.looked_at_by) == ([], ["ada", "ben"])
    assert (entry["event"], entry["replay"], entry["by"]) == ("replayed", listed.id, "ada")


def test_only_the_present_shadows_verdicts_are_told(acting):
    """Neither the shadow before, which a process may still know, nor a node's limits are taken for it."""

    def under(number, digest, verdict):
        articles = [{"article": "three", "verdict": verdict, "reason": "x"}]
        return decision(number, shadow={"constitution": digest, "verdict": verdict, "articles": articles})

    async def work(database):
        records = [under(1, "a" * 64, "deny"), under(2, "b" * 64, "deny"), under(3, "a" * 64, "allow")]
        limited = {**under(4, "a" * 64, "allow"), "verdict": "deny", "constitution": ""}
        await store_records(database, [*records, limited])
        shadow = Shadow(tenant="acme", digest="a" * 64, since=NOW - timedelta(hours=1), started_by="ada")
        return await shadow_report(database, shadow)

    report = acting(work)

    assert (report["decisions"], report["differing"], report["same"]) == (2, 1, 1)
    assert [item["decision"] for item in report["examples"]] == ["dec_1"]


@pytest.mark.slow
def test_many_decisions_are_replayed_in_bounded_memory(acting):
    """All are decided again; what is held at any time is a few batches and the counts."""

    async def work(database):
        record = json.dumps(decision(0))
        async with database.session() as session:
            given = {"record": record, "at": NOW, "count": 20_000}
            await (await session.connection()).execute(text(MANY), given)
        tracemalloc.start()
        try:
            report = (await replay(database)).report
            return report, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    report, most = acting(work)

    assert (report["decisions"], report["changes"]["refused"]) == (20_000, 17_000)
    assert most < 20_000_000
