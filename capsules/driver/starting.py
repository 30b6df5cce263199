"""Starting an attempt: inline in the driver's process, or as a deployed run that a worker picks up."""

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound

from blocks.errors import SomaError
from blocks.records.tables import Attempt
from capsules.attempt import Handed, assigned
from capsules.catalogue import find_capsule
from capsules.inline_calls import Lanes
from capsules.inline_run import run_inline_flow
from capsules.plan import PlanNode

DEPLOYMENT = "hub"
"""Each capsule is deployed as `NAME/hub`."""
IN_PODS = "pod"
"""And, where there is a work pool for pods, as `NAME/pod` in that."""


async def run_inline(handed: Handed, attempt: Attempt, inputs: dict[str, Any], lanes: Lanes) -> str:
    """Run the capsule as a child of this run and say how that ended.

    The ledger, not the caller, gets its result.
    """
    flow = find_capsule(handed.node.capsule).load()
    assigned.set(handed)
    name = run_name(handed.node, attempt)
    state = await run_inline_flow(flow, inputs, name=name, key=f"inline:{attempt.id}", lanes=lanes)
    return f"its flow run ended as {state.name}: {state.message or 'without a message'}"


async def run_deployed(node: PlanNode, attempt: Attempt, inputs: dict[str, Any], *, tenant: str) -> str:
    """Create the run of the capsule's deployment, once however often it is asked for; return its id."""
    in_pod = node.runtime == "pod"
    try:
        run = await arun_deployment(
            f"{node.capsule}/{IN_PODS if in_pod else DEPLOYMENT}",
            parameters=inputs,
            timeout=0,
            idempotency_key=attempt.id,
            flow_run_name=run_name(node, attempt),
            tags=[f"project:{attempt.project}", f"node:{node.id}"],
            job_variables={"labels": pod_labels(node, attempt, tenant)} if in_pod else None,
        )
    except ObjectNotFound:
        raise SomaError(_not_deployed(node)) from None
    return str(run.id)


def pod_labels(node: PlanNode, attempt: Attempt, tenant: str) -> dict[str, str]:
    """By what the pod, its job and what they use can be found in the cluster."""
    return {
        "soma/tenant": tenant,
        "soma/project": attempt.project,
        "soma/node": node.id[:63].strip("-_."),
        "soma/attempt": str(attempt.number),
        "soma/capsule": node.capsule,
        "soma/capsule-version": node.version,
    }


def _not_deployed(node: PlanNode) -> str:
    if node.runtime == "pod":
        return (
            f"capsule {node.capsule!r} is to run in a pod and is deployed to no work pool for pods; set "
            "SOMA_POD_WORK_POOL to one of type kubernetes and start the hub again"
        )
    return f"capsule {node.capsule!r} is not deployed; run `prefect deploy --all` or start `soma up` again"


async def run_of(attempt: Attempt) -> str | None:
    """The deployed run that an earlier driver has made for the attempt, if it came to that.

    Asking for it anew would find it too, and leave a task run behind in Prefect that never ends.
    """
    if attempt.flow_run is not None:
        return attempt.flow_run
    key = FlowRunFilterIdempotencyKey(any_=[attempt.id])
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=key), limit=1)
    return str(found[0].id) if found else None


def run_name(node: PlanNode, attempt: Attempt) -> str:
    tail = f" (attempt {attempt.number})" if attempt.number > 1 else ""
    return f"{node.title}{tail}"
