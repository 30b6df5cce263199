"""The base job template, filled by Prefect's own Kubernetes worker."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from capsules.runtime import Runtime

TEMPLATE = Path(__file__).parents[3] / "deploy" / "kubernetes" / "base-job-template.json"


def job(**values: Any) -> dict[str, Any]:
    """The job that a run with these variables becomes."""

    async def work() -> KubernetesWorkerJobConfiguration:
        async with PrefectClient(
            "http://127.0.0.1:1/api"
        ) as nobody:  # needed for blocks, of which there is none
            return await KubernetesWorkerJobConfiguration.from_template_and_values(
                base_job_template=json.loads(TEMPLATE.read_text()), values=values, client=nobody
            )

    configuration = asyncio.run(work())
    configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="quick-fox"))
    return configuration.job_manifest


def test_a_pod_is_restricted_whatever_a_capsule_says():
    """No root, no capability, nothing writable but what is mounted, and no token of the cluster."""
    spec = job(**Runtime(kind="pod", image="other:1").job_variables())["spec"]["template"]["spec"]
    (container,) = spec["containers"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["command"] == ["python", "-m", "blocks.pods"]
    assert container["image"] == "other:1"


def test_a_pod_sees_neither_the_hubs_token_nor_its_private_key():
    """Of the hub's data it mounts parts, never the whole."""
    spec = job()["spec"]["template"]["spec"]
    mounts = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == "data"]
    parts = {mount["subPath"] for mount in mounts}

    assert parts == {"results", "workspaces", "deliverables", "keys/hub.pub", "keys/trusted"}
    assert {mount["subPath"] for mount in mounts if mount.get("readOnly")} == {"keys/hub.pub", "keys/trusted"}


def test_what_a_manifest_asks_for_is_what_the_pod_gets():
    """Resources and tolerations of the manifest stand in the job, those of the pool where it says nothing."""
    toleration = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
    asked = Runtime.model_validate(
        {
            "kind": "pod",
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "3Gi"}},
            "tolerations": [toleration],
        }
    )
    spec = job(**asked.job_variables())["spec"]["template"]["spec"]
    plain = job(**Runtime(kind="pod").job_variables())["spec"]["template"]["spec"]

    assert spec["containers"][0]["resources"] == {"requests": {"cpu": "1"}, "limits": {"memory": "3Gi"}}
    assert spec["tolerations"] == [toleration]
    assert plain["containers"][0]["resources"]["limits"] == {"memory": "2Gi"}
    assert plain["tolerations"] == []


def test_a_job_and_its_pod_say_whose_they_are():
    """Labels by tenant, project and capsule are on both; nothing is tried again behind the hub's back."""
    labels = {"soma/tenant": "acme", "soma/project": "prj_1", "soma/capsule": "quality"}
    made = job(labels=labels)

    assert labels.items() <= made["metadata"]["labels"].items()
    assert labels.items() <= made["spec"]["template"]["metadata"]["labels"].items()
    assert made["spec"]["backoffLimit"] == 0
    assert made["spec"]["template"]["spec"]["restartPolicy"] == "Never"
