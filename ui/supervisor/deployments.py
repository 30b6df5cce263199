"""Puts the deployments of `prefect.yaml` into Prefect, in a fraction of the time of `prefect deploy --all`.

It writes what that command would write. Parameters, schedules and automations of a deployment that exists
already are left as they are: people change them in Prefect's UI.
"""

import hashlib
import importlib.util
import json
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import UUID

import prefect
import yaml
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.events import DeploymentTriggerTypes
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import TypeAdapter

from blocks.errors import SomaError
from blocks.settings import Settings
from ui.supervisor.pods import in_pods

ROOMS = ("flows", "capsules")
TRIGGERS: TypeAdapter[DeploymentTriggerTypes] = TypeAdapter(DeploymentTriggerTypes)
Schedule = CronSchedule | IntervalSchedule | RRuleSchedule


class DeploymentsInvalid(SomaError):
    """The file prefect.yaml cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One entry of `prefect.yaml`."""

    name: str
    entrypoint: str
    description: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    schedules: list[dict[str, Any]] = field(default_factory=list)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    """Automations of Prefect that start it."""
    work_pool: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    enforce_parameter_schema: bool = True
    concurrency_limit: int | None = None
    version: str | None = None


def deployment_file() -> Path:
    """`prefect.yaml`, which lies beside the package `flows`."""
    spec = importlib.util.find_spec("flows")
    places = [
        Path(place).parent / "prefect.yaml" for place in (spec and spec.submodule_search_locations) or []
    ]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise DeploymentsInvalid(
            "prefect.yaml was not found beside the package `flows`; install the hub again"
        )
    return found


def read_deployments(path: Path) -> list[Deployment]:
    """The deployments that `path` declares."""
    try:
        entries = yaml.safe_load(path.read_text())["deployments"]
        return [Deployment(**entry) for entry in entries]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise DeploymentsInvalid(f"{path} does not declare deployments as expected: {error}") from None


async def apply_deployments(client: PrefectClient, settings: Settings) -> list[str]:
    """Create or update every deployment; returns why some could not be, one line for each."""
    problems = []
    for deployment in read_deployments(deployment_file()):
        try:
            flow = load(deployment)
        except Exception as error:  # noqa: BLE001  # one broken capsule must not keep the hub down
            problems.append(f"{deployment.entrypoint} cannot be loaded: {type(error).__name__}: {error}")
            continue
        for wanted in (deployment, in_pods(deployment, flow, settings)):
            if wanted is not None:
                await _apply(client, flow, wanted, settings)
    return problems


def load(deployment: Deployment) -> Flow[..., Any]:
    """The flow that the deployment runs."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(deployment.entrypoint, use_placeholder_flow=False)
    return flow


async def _apply(
    client: PrefectClient, flow: Flow[..., Any], deployment: Deployment, settings: Settings
) -> None:
    flow_id = await client.create_flow_from_name(flow.name)
    common: dict[str, Any] = {
        "description": deployment.description or flow.description,
        "entrypoint": deployment.entrypoint,
        "work_pool_name": deployment.work_pool.get("name", settings.work_pool),
        "work_queue_name": deployment.work_pool.get("work_queue_name"),
        "job_variables": deployment.work_pool.get("job_variables") or {},
        "tags": deployment.tags,
        "parameter_openapi_schema": parameter_schema(flow).model_dump_for_openapi(),
        "enforce_parameter_schema": deployment.enforce_parameter_schema,
        "concurrency_limit": deployment.concurrency_limit,
        "version": deployment.version or _version(),
        "pull_steps": [],
    }
    try:
        present = await client.read_deployment_by_name(f"{flow.name}/{deployment.name}")
    except ObjectNotFound:
        schedules = [_schedule(entry) for entry in deployment.schedules]
        parameters = deployment.parameters
        made = await client.create_deployment(
            flow_id, deployment.name, schedules=schedules, parameters=parameters, **common
        )
        await _automate(client, made, deployment)
    else:
        await client.update_deployment(present.id, DeploymentUpdate(**common))


async def _automate(client: PrefectClient, made: UUID, deployment: Deployment) -> None:
    """Make the automations that start the deployment, as `prefect deploy` does."""
    for spec in deployment.triggers:
        trigger = TRIGGERS.validate_python(spec)
        trigger.set_deployment_id(made)
        await client.create_automation(trigger.as_automation())


def _schedule(entry: dict[str, Any]) -> DeploymentScheduleCreate:
    zone = entry.get("timezone")
    schedule: Schedule
    if "cron" in entry:
        schedule = CronSchedule(cron=entry["cron"], timezone=zone)
    elif "interval" in entry:
        schedule = IntervalSchedule(interval=timedelta(seconds=entry["interval"]), timezone=zone)
    else:
        schedule = RRuleSchedule(rrule=entry["rrule"], timezone=zone)
    return DeploymentScheduleCreate(
        schedule=schedule,
        active=entry.get("active", True),
        parameters=entry.get("parameters") or {},
        slug=entry.get("slug"),
    )


async def is_applied(client: PrefectClient, settings: Settings) -> bool:
    """Whether Prefect holds the deployments as this code would write them."""
    try:
        noted = json.loads(_note(settings).read_text())
    except (OSError, ValueError):
        return False
    if noted != _fingerprint(settings):
        return False
    wanted = read_deployments(deployment_file())
    names = sorted({deployment.name for deployment in wanted})
    present = await client.read_deployments(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)), limit=200
    )
    entrypoints = {deployment.entrypoint for deployment in present}
    return all(deployment.entrypoint in entrypoints for deployment in wanted)


def note_applied(settings: Settings) -> None:
    """Remember that the deployments are as they should be."""
    _note(settings).write_text(json.dumps(_fingerprint(settings)))


def _note(settings: Settings) -> Path:
    return settings.data_dir / "prefect" / "deployed.json"


def _fingerprint(settings: Settings) -> dict[str, str]:
    """What the deployments depend on: the file, the versions, and the code that declares parameters."""
    digest = hashlib.sha256(deployment_file().read_bytes())
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        for place in (spec and spec.submodule_search_locations) or []:
            for path in sorted(Path(place).rglob("*.py")) + sorted(Path(place).rglob("capsule.yaml")):
                digest.update(f"{path}\0".encode() + path.read_bytes())
    return {
        "code": digest.hexdigest(),
        "hub": _version(),
        "prefect": prefect.__version__,
        "api": settings.prefect_api_url,
        "pods": settings.pod_work_pool or "",
    }


def _version() -> str:
    try:
        return version("soma-agent-hub")
    except PackageNotFoundError:
        return "0"
