"""Driver runs: starting the flow that drives a project, by its deployment's name."""

import time

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from blocks.errors import Unavailable
from blocks.records.tables import Project

DEPLOYMENT = "run-project/hub"
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
        name=f"drive {project.id}",
    )
    return str(run.id)
