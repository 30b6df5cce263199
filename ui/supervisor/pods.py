"""The Kubernetes work pool of the hub, and the deployments by which capsules run in it."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.flows import Flow

from blocks.errors import BadInput
from blocks.settings import Settings
from capsules.capsule import CapsuleFlow
from capsules.driver.starting import IN_PODS

if TYPE_CHECKING:
    from ui.supervisor.deployments import Deployment

TYPE = "kubernetes"


async def ensure_pod_pool(client: PrefectClient, settings: Settings) -> None:
    """Make the work pool for pods and give it the template of the settings; one without is left as it is."""
    if settings.pod_work_pool is None:
        return
    template = read_template(settings.pod_template) if settings.pod_template else None
    try:
        present = await client.read_work_pool(settings.pod_work_pool)
    except ObjectNotFound:
        if template is None:
            raise _missing(settings.pod_work_pool) from None
        await _create(client, settings.pod_work_pool, template)
        return
    if present.type != TYPE:
        raise BadInput(
            f"the work pool {present.name!r} is of type {present.type!r}; pods need one of type {TYPE!r}",
            mend="name another in SOMA_POD_WORK_POOL",
        )
    if template is not None and present.base_job_template != template:
        await client.update_work_pool(present.name, WorkPoolUpdate(base_job_template=template))


async def _create(client: PrefectClient, name: str, template: dict[str, Any]) -> None:
    pool = WorkPoolCreate(
        name=name, type=TYPE, description="Capsules of SomaAgentHub, in pods.", base_job_template=template
    )
    with contextlib.suppress(ObjectAlreadyExists):  # another may have been faster
        await client.create_work_pool(pool)


def read_template(path: Path) -> dict[str, Any]:
    """The base job template in the file, or `BadInput` that says what is wrong with it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"SOMA_POD_TEMPLATE: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"SOMA_POD_TEMPLATE: {path} is not JSON: {error}") from None
    if not isinstance(found, dict) or not {"job_configuration", "variables"} <= set(found):
        raise BadInput(f"SOMA_POD_TEMPLATE: {path} has no `job_configuration` and `variables`")
    return found


def in_pods(deployment: "Deployment", flow: Flow[..., Any], settings: Settings) -> "Deployment | None":
    """The same capsule once more, for its runs in pods; None where it has none."""
    if settings.pod_work_pool is None or not isinstance(flow, CapsuleFlow):
        return None
    if flow.manifest.runtime.kind == "inline":
        return None
    environment = {"PREFECT__FLOW_ENTRYPOINT": deployment.entrypoint}
    variables = {**flow.manifest.runtime.job_variables(), "env": environment}
    return replace(
        deployment,
        name=IN_PODS,
        description=f"{deployment.description or flow.description or flow.name} (in a pod)",
        work_pool={"name": settings.pod_work_pool, "job_variables": variables},
        schedules=[],
        triggers=[],
    )


def _missing(name: str) -> BadInput:
    return BadInput(
        f"there is no work pool {name!r} in Prefect, which SOMA_POD_WORK_POOL names",
        mend="set SOMA_POD_TEMPLATE to a base job template, such as deploy/kubernetes/base-job-template.json",
    )
