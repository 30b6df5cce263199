"""A restart of PostgreSQL under a process that is at work: it goes on, and is taken for dead by nobody."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blocks.engines import postgres
from blocks.engines.child import Child
from blocks.engines.folders import make_folders
from blocks.errors import Unavailable
from blocks.records import leases, ledger, projects, tenants
from blocks.records.database import Database, upgrade
from blocks.records.holding import holding
from blocks.settings import load_settings

pytestmark = pytest.mark.slow


@contextmanager
def server(child: Child) -> Iterator[None]:
    """The database server, until the end of the block."""
    if child.before:
        asyncio.run(child.before())
    process = subprocess.Popen(child.command, env=dict(child.environment), stderr=subprocess.DEVNULL)
    try:
        while not asyncio.run(child.ready()):
            assert process.poll() is None
        yield
    finally:
        process.send_signal(child.stop_signal)
        process.wait()


async def claimed(database: Database, holder: str) -> Any:
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
    attempt = await ledger.open_attempt(database, project.id, "a", fence=driver.fence, runtime="process")
    return await ledger.start_attempt(database, attempt.id, flow_run=None, holder=holder)


def test_work_outlasts_a_restart_of_the_database(tmp_path: Path) -> None:
    """The result that came while it was away is recorded, and the lease that ran out meanwhile is good."""
    settings = load_settings(data_dir=tmp_path / "pg")
    make_folders(settings)
    child = postgres.child(settings)
    url = settings.database_address
    loop = asyncio.Runner()
    database = Database(url, patience=120)
    stack = holding(database, 1.0)
    with server(child):
        loop.run(upgrade(url))
        lease = loop.run(stack.__aenter__())
        attempt = loop.run(claimed(database, loop.run(lease.take("run", None))))
    with pytest.raises(Unavailable):  # who has no patience is told
        loop.run(ledger.list_nodes(Database(url), attempt.project))
    with server(child):
        result = {"sha256": "x", "path": "x", "size": 1}
        loop.run(ledger.finish_attempt(database, attempt.id, "completed", result=result))
        dying = loop.run(leases.dying_holders(database, 3600.0))
        line = loop.run(ledger.list_nodes(database, attempt.project))[0]
        loop.run(stack.__aexit__(None, None, None))
        loop.run(database.close())
    loop.close()

    assert [death for holder, left in dying if (death := leases.death_of(holder, left))] == []
    assert not lease.lost
    assert line.result == result
