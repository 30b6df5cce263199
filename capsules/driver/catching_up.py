"""Whether a run of a schedule comes too late to start anything, where its worker has not seen to that.

The hub's own worker drops missed runs before they start; Prefect's workers start every run that is late.
"""

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType

LATE = timedelta(minutes=10)
"""A run that starts so long after it was due was missed. One that only waited for a place must not give way
to its successor: where all have to wait, none would ever start."""


async def missed(run: FlowRun, catch_up: str, *, now: datetime | None = None) -> str | None:
    """Why the run starts nothing, if it comes too late for its trigger's choice."""
    due = run.expected_start_time
    if catch_up == "all" or not run.auto_scheduled or due is None or run.run_count > 1:
        return None
    late = (now or datetime.now(UTC)) - due
    if late <= LATE:
        return None
    if catch_up == "skip":
        return f"missed: it was due at {due:%Y-%m-%d %H:%M} UTC, and missed runs are skipped"
    if await _has_successor(run, due, due + late):
        return f"missed: it was due at {due:%Y-%m-%d %H:%M} UTC, and a later run takes its place"
    return None


async def _has_successor(run: FlowRun, after: datetime, before: datetime) -> bool:
    """Whether a later run of the same deployment is due by now, or has been at work since."""
    if run.deployment_id is None:
        return False
    alive = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.COMPLETED]
    async with get_client() as client:
        found = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=alive)),
                expected_start_time=FlowRunFilterExpectedStartTime(
                    after_=after + timedelta(seconds=1), before_=before
                ),
            ),
            limit=20,
        )
    return any(other.auto_scheduled and other.id != run.id for other in found)
