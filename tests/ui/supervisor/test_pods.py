"""The work pool for pods and the deployments in it, on a real Prefect server."""

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate

from blocks.errors import BadInput
from blocks.settings import load_settings
from ui.supervisor.deployments import deployment_file, load, read_deployments
from ui.supervisor.pods import ensure_pod_pool, in_pods

TEMPLATE = Path(__file__).parents[3] / "deploy" / "kubernetes" / "base-job-template.json"


def pool_after(**given: Any) -> Any:
    """The pool for pods once it was seen to."""
    settings = load_settings(**given)

    async def work() -> Any:
        async with get_client() as client:
            await ensure_pod_pool(client, settings)
            return await client.read_work_pool(str(settings.pod_work_pool))

    return asyncio.run(work())


def test_the_pool_is_made_and_follows_its_template(prefect_api: str, tmp_path: Path):
    """What the file says is what the pool has, also after the file has changed."""
    name, changed = f"pods-{secrets.token_hex(3)}", tmp_path / "template.json"
    first = pool_after(pod_work_pool=name, pod_template=TEMPLATE)
    document = json.loads(TEMPLATE.read_text())
    document["variables"]["properties"]["namespace"]["default"] = "elsewhere"
    changed.write_text(json.dumps(document))
    second = pool_after(pod_work_pool=name, pod_template=changed)
    third = pool_after(pod_work_pool=name)

    assert first.type == "kubernetes"
    assert first.base_job_template == json.loads(TEMPLATE.read_text())
    assert second.base_job_template == document
    assert third.base_job_template == document  # without a file it is people's


def test_a_pool_that_cannot_be_used_is_named(prefect_api: str, tmp_path: Path):
    """One of another type, one that is missing, and a template that is none: each with what to do."""
    name = f"processes-{secrets.token_hex(3)}"

    async def make() -> None:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process"))

    asyncio.run(make())
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(BadInput, match="pods need one of type 'kubernetes'"):
        pool_after(pod_work_pool=name)
    with pytest.raises(BadInput, match="there is no work pool 'nowhere'"):
        pool_after(pod_work_pool="nowhere")
    with pytest.raises(BadInput, match="has no `job_configuration`"):
        pool_after(pod_work_pool="nowhere", pod_template=wrong)


def test_capsules_that_may_leave_the_driver_are_deployed_into_the_pool():
    """Those that run inline have no second deployment, and without a pool nobody has."""
    known = read_deployments(deployment_file())
    deployments = {
        name: item for item in known for name in ("quality", "survey") if f".{name}." in item.entrypoint
    }
    settings = load_settings(pod_work_pool="soma-pods")
    made = {name: in_pods(item, load(item), settings) for name, item in deployments.items()}
    without = in_pods(deployments["quality"], load(deployments["quality"]), load_settings())

    assert made["quality"].name == "pod"
    assert made["quality"].work_pool["name"] == "soma-pods"
    assert made["quality"].work_pool["job_variables"]["env"] == {
        "PREFECT__FLOW_ENTRYPOINT": "capsules.library.quality.run.quality"
    }
    assert made["survey"] is None
    assert without is None
