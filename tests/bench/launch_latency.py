"""From `POST …/launch` to the first capsule running, against a plain Prefect process worker."""

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate

from blocks.records import ledger, projects
from blocks.records.database import Database
from blocks.settings import Settings
from capsules.plan import NodeAuthority, Plan, PlanNode
from ui.client import HubClient


@dataclass(frozen=True, kw_only=True)
class LaunchLatency:
    """Seconds of each launch, and of each run on Prefect's own worker."""

    hub: list[float]
    prefect: list[float]

    def row(self) -> tuple[str, str, str]:
        ours, theirs = statistics.median(self.hub), statistics.median(self.prefect)
        return (
            "launch to first capsule running",
            (
                f"{ours:.2f} s p50 ({min(self.hub):.2f} to {max(self.hub):.2f}, n={len(self.hub)}); "
                f"on Prefect's process worker: {theirs:.2f} s, {theirs / ours:.1f} times as long"
            ),
            "p50 at most 1 s",
        )


async def measure(settings: Settings, launches: int = 20, runs: int = 3) -> LaunchLatency:
    database = Database(settings.database_address)
    try:
        with HubClient.from_settings(settings) as client:
            hub = [await _launch(database, client, settings) for _ in range(launches)]
    finally:
        await database.close()
    async with _process_worker() as deployment:
        prefect = [await _run(deployment) for _ in range(runs)]
    return LaunchLatency(hub=hub, prefect=prefect)


async def _launch(database: Database, client: HubClient, settings: Settings) -> float:
    """Launch a project whose only node surveys a folder that is no repository: it runs, and says no."""
    node = PlanNode(
        id="survey",
        title="Survey",
        capsule="survey",
        version="1.0.0",
        inputs={"source": str(settings.data_dir / "nothing"), "workspace": {"$fact": "workspace"}},
        authority=NodeAuthority(tools={"*": {}}),
    )
    plan = Plan(blueprint="repository-audit", blueprint_version="1.0.0", nodes=[node])
    project = await projects.create_project(
        database,
        tenant=settings.tenant,
        title="Launch latency",
        blueprint=plan.blueprint,
        inputs={},
        plan=plan.model_dump(mode="json"),
        plan_digest=plan.digest,
        nodes=plan.lines(),
        requested_by="bench",
    )
    begun = time.time()
    await asyncio.to_thread(client.launch, project.id)
    while True:
        line = (await ledger.list_nodes(database, project.id))[0]
        if line.ended_at is not None and line.started_at is not None:
            return line.started_at.timestamp() - begun
        if time.time() - begun > 60:
            raise TimeoutError(f"project {project.id} did not start its node: {line.state} {line.reason}")
        await asyncio.sleep(0.05)


POOL = "bench-process"


@contextlib.asynccontextmanager
async def _process_worker() -> AsyncIterator[str]:
    """Prefect's own process worker on a pool of its own, with the upkeep flow deployed to it."""
    from flows.upkeep import upkeep

    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
        flow_id = await client.create_flow(upkeep)
        deployment = await client.create_deployment(
            flow_id=flow_id,
            name="bench",
            entrypoint="flows.upkeep.upkeep",
            work_pool_name=POOL,
            pull_steps=[],
        )
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    worker = subprocess.Popen(  # noqa: ASYNC220  # starting it takes a moment, once
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        await _run(str(deployment))  # until the worker is up
        yield str(deployment)
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(30)


async def _run(deployment: str) -> float:
    async with get_client() as client:
        run = await client.create_flow_run_from_deployment(deployment)  # type: ignore[arg-type]  # the text of a UUID serves too
        created = time.time()
        while True:
            run = await client.read_flow_run(run.id)
            if run.start_time is not None:
                return run.start_time.timestamp() - created
            if time.time() - created > 120:
                raise TimeoutError("Prefect's process worker did not start the run")
            await asyncio.sleep(0.1)
