"""Dead runs: what Prefect is told of runs whose process is gone, so that it shows nothing that is not so.

Prefect closes no run by itself whose process and worker died together, and none of the task runs and inline
subflows below a run that crashed.
"""

from collections.abc import Iterable
from typing import Any

from blocks.driver_runs import Drivers
from blocks.prefect_api import ENDED

AT_WORK = ["PENDING", "RUNNING", "CANCELLING"]
OPEN = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]}}}
PAGE = 200


async def mark_dead(prefect: Drivers, flow_run: str, why: str) -> list[str]:
    """Close the flow run as crashed, and all that was at work inside its process; the ids of what was open.

    A run that was being cancelled is closed as cancelled; one that has ended keeps its state.
    """
    found = await prefect.read("flow_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
    closed = await _close_all(
        "flow_runs", prefect, [run for run in found if run["state_type"] in AT_WORK], why
    )
    return closed + await _close_below(prefect, [flow_run], why)


async def ended_runs(prefect: Drivers, flow_runs: Iterable[str]) -> dict[str, str]:
    """Those of the flow runs that Prefect shows as ended, each with how."""
    ids = list(flow_runs)
    found = {}
    for start in range(0, len(ids), PAGE):
        query = {"flow_runs": {"id": {"any_": ids[start : start + PAGE]}}, "limit": PAGE}
        for run in await prefect.read("flow_runs/filter", query):
            if run["state_type"] in ENDED:
                message = (run.get("state") or {}).get("message")
                tail = f": {message}" if message else ""
                found[str(run["id"])] = f"its flow run ended as {run['state_name']}{tail}"
    return found


async def was_cancelled(prefect: Drivers, flow_run: str) -> bool:
    """Whether somebody asked Prefect to cancel the run, which a worker that stops does not.

    A run that had no process, because nobody had begun it or it was paused, is cancelled there at once.
    """
    states = await prefect.get(f"flow_run_states/?flow_run_id={flow_run}")
    states.sort(key=lambda state: state["timestamp"])
    types = [state["type"] for state in states]
    at_once = types[-2:] in (["PAUSED", "CANCELLED"], ["SCHEDULED", "CANCELLED"])
    return "CANCELLING" in types or (at_once and not states[-1].get("message"))


async def _close_below(prefect: Drivers, parents: list[str], why: str) -> list[str]:
    """Close inline subflows and task runs below these runs; children in other processes live on."""
    closed: list[str] = []
    while parents:
        children = await _read_all(prefect, "flow_runs", {"flow_runs": {**_below(parents), **OPEN}})
        inside = [run for run in children if run["deployment_id"] is None]
        elsewhere = {run["parent_task_run_id"] for run in children if run["deployment_id"] is not None}
        closed += await _close_all("flow_runs", prefect, inside, why)
        for flow_runs in (
            {"id": {"any_": parents}},
            {**_below(parents), "deployment_id": {"is_null_": True}},
        ):
            tasks = await _read_all(prefect, "task_runs", {"flow_runs": flow_runs, "task_runs": OPEN})
            ours = [run for run in tasks if run["id"] not in elsewhere]
            closed += await _close_all("task_runs", prefect, ours, why)
        parents = [str(run["id"]) for run in inside]
    return closed


def _below(parents: list[str]) -> dict[str, Any]:
    return {"parent_flow_run_id": {"any_": parents}}


async def _read_all(prefect: Drivers, kind: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(page := await prefect.read(f"{kind}/filter", {**query, "limit": PAGE, "offset": len(found)})):
        found += page
    return found


async def _close_all(kind: str, prefect: Drivers, runs: list[dict[str, Any]], why: str) -> list[str]:
    """Close the runs and return the ids of those that were open indeed."""
    closed = []
    for run in runs:
        state = "CANCELLED" if run["state_type"] == "CANCELLING" else "CRASHED"
        if await prefect.set_state(f"{kind}/{run['id']}", state, why, force=kind == "task_runs"):
            closed.append(str(run["id"]))
    return closed
