"""What a work pool of type `soma-warm` and its deployments may set, and what a run gets of it."""

import functools
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import Flow, FlowRun, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.workers.base import BaseJobConfiguration, BaseVariables
from pydantic import Field


class WarmVariables(BaseVariables):
    """What a deployment may set for its runs."""

    working_dir: Path | None = Field(
        default=None,
        title="Working Directory",
        description="The folder that runs start in; that of the worker unless set.",
    )


class WarmJobConfiguration(BaseJobConfiguration):
    """How one run is started."""

    working_dir: Path | None = None

    @classmethod
    @functools.cache
    def _base_environment(cls) -> dict[str, str]:
        """Prefect's settings as variables: a tenth of a second to write down, the same for every run."""
        return super()._base_environment()

    def message(self, flow_run: FlowRun) -> dict[str, Any]:
        """What the fork server is told of the run."""
        return {
            "environment": self.env,
            "folder": str(self.working_dir or Path.cwd()),
            "flow_run": flow_run.model_dump(mode="json"),
        }


async def configure(
    flow_run: FlowRun,
    *,
    flow: Flow,
    deployment: DeploymentResponse | None,
    pool: WorkPool,
    client: PrefectClient,
    worker: str,
    worker_id: UUID | None,
) -> WarmJobConfiguration:
    """As Prefect's `resolve_for_flow_run`, with the deployment and the flow that are at hand already."""
    variables = {**((deployment and deployment.job_variables) or {})}
    theirs = dict(flow_run.job_variables or {})
    environment = {**(variables.get("env") or {}), **(theirs.pop("env", None) or {})}
    made: WarmJobConfiguration = await WarmJobConfiguration.from_template_and_values(
        base_job_template=pool.base_job_template,
        values={**variables, **theirs, "env": environment},
        client=client,
    )
    own = made.env
    made.prepare_for_flow_run(flow_run, deployment, flow, pool, worker, worker_id)
    made.env = {**made.env, **own}
    if deployment and deployment.entrypoint and not deployment.pull_steps:
        made.env.setdefault("PREFECT__FLOW_ENTRYPOINT", deployment.entrypoint)
    return made
