"""Driver runs: starting the flow that drives a project, by its deployment's name."""

import time
from datetime import timedelta

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from blocks.errors import Unavailable
from blocks.records.database import Database
from blocks.records.projects import unfinished_projects
from blocks.records.tables import Project, now

DEPLOYMENT = "run-project/hub"
GRACE = timedelta(seconds=10)
"""How long a project that was just launched may be without a driver."""
WINDOW = 15
"""Seconds within which one project gets one new driver run at most."""


async def start_driver(client: PrefectClient, project: Project) -> str:
    """Create the driver's flow run and return its id; asked again at once, it is the same run."""
    try:
        deployment = await client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        raise Unavailable(
            f"the deployment {DEPLOYMENT!r} is missing; run `prefect deploy --all` or `soma up` again"
        ) from None
    run = await client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"project_id": project.id},
        idempotency_key=f"{project.id}:{project.fence}:{int(time.time() // WINDOW)}",
        tags=[f"project:{project.id}"],
    )
    return str(run.id)


async def undriven_projects(database: Database) -> list[Project]:
    """The running projects that no living driver holds."""
    found = []
    for project in await unfinished_projects(database):
        if project.launched_at is not None and now() - project.launched_at < GRACE:
            continue
        async with database.lock(f"project:{project.id}") as free:
            if free:
                found.append(project)
    return found
