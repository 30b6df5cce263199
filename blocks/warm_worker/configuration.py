"""What a work pool of type `soma-warm` and its deployments may set, and what a run gets of it."""

import functools
import os
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import Flow, FlowRun, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.workers.base import BaseJobConfiguration, BaseVariables
from pydantic import Field, PrivateAttr

from blocks.errors import BadInput
from blocks.settings import Settings
from blocks.warm_worker.places import Place
from blocks.warm_worker.run_log import SHORTEST_SECRET, secret_values


class WarmVariables(BaseVariables):
    """What a deployment may set for its runs."""

    working_dir: Path | None = Field(
        default=None,
        title="Working Directory",
        description="The folder that runs start in; that of the worker unless set.",
    )
    place: Place = Field(
        default="run",
        title="Place",
        description="`driver` for runs that wait for other runs: they are counted apart from these.",
    )
    memory_mb: int | None = Field(
        default=None,
        ge=1,
        title="Memory Limit (MB)",
        description="A run that takes more, with all it starts, is ended; the hub's setting unless set.",
    )
    open_files: int | None = Field(
        default=None, ge=16, title="Open Files", description="The most files that a run has open at once."
    )
    grace_seconds: float | None = Field(
        default=None,
        ge=0,
        title="Grace (Seconds)",
        description="What a cancelled run has to end by itself; the hub's setting unless set.",
    )


class WarmJobConfiguration(BaseJobConfiguration):
    """How one run is started."""

    working_dir: Path | None = None
    place: Place = "run"
    memory_mb: int | None = None
    open_files: int | None = None
    grace_seconds: float | None = None
    _secrets: list[str] = PrivateAttr(default_factory=list)

    @classmethod
    @functools.cache
    def _base_environment(cls) -> dict[str, str]:
        """Prefect's settings as variables: a tenth of a second to write down, the same for every run."""
        return super()._base_environment()

    def message(self, flow_run: FlowRun, log: Path, settings: Settings) -> dict[str, Any]:
        """What the fork server is told of the run."""
        grace = settings.cancel_grace_seconds if self.grace_seconds is None else self.grace_seconds
        return {
            "environment": self.env,
            "folder": str(self.folder()),
            "flow_run": flow_run.model_dump(mode="json"),
            "limits": {
                "memory_mb": self.memory_mb or settings.run_memory_mb or None,
                "open_files": self.open_files,
                "grace_seconds": grace,
            },
            "log": {"path": str(log), "secrets": self._secrets},
        }

    def folder(self) -> Path:
        """The folder that the run starts in."""
        folder = self.working_dir or Path.cwd()
        if not folder.is_dir():
            raise BadInput(
                f"its working directory {folder} is no folder here; make it or change the job variable "
                "`working_dir`"
            )
        return folder

    def keep_secret(self, plain: dict[str, Any]) -> None:
        """Let no log show what came out of a block, or is called a secret; `plain` is as people wrote it."""
        resolved = [
            str(self.env.get(name))
            for name, value in plain.items()
            if "prefect.blocks" in str(value) and len(str(self.env.get(name))) >= SHORTEST_SECRET
        ]
        self._secrets = [*resolved, *secret_values({**os.environ, **self.env})]


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
    template = completed(pool.base_job_template)
    made: WarmJobConfiguration = await WarmJobConfiguration.from_template_and_values(
        base_job_template=template,
        values={**variables, **theirs, "env": environment},
        client=client,
    )
    own = made.env
    made.prepare_for_flow_run(flow_run, deployment, flow, pool, worker, worker_id)
    made.env = {**made.env, **own}
    made.keep_secret({**_default_environment(template), **environment})
    if deployment and deployment.entrypoint and not deployment.pull_steps:
        made.env.setdefault("PREFECT__FLOW_ENTRYPOINT", deployment.entrypoint)
    return made


def completed(template: dict[str, Any]) -> dict[str, Any]:
    """The pool's template with the variables of this version, which a pool made earlier does not know."""
    variables = template.get("variables") or {}
    known = {**WarmVariables.model_json_schema()["properties"], **variables.get("properties", {})}
    filled = {**WarmJobConfiguration.json_template(), **(template.get("job_configuration") or {})}
    return {
        **template,
        "job_configuration": filled,
        "variables": {**variables, "properties": known},
    }


def _default_environment(template: dict[str, Any]) -> dict[str, Any]:
    """The environment that the pool gives to every run."""
    fixed = template["job_configuration"].get("env")
    given = template["variables"]["properties"].get("env", {}).get("default")
    return {**(fixed if isinstance(fixed, dict) else {}), **(given or {})}
