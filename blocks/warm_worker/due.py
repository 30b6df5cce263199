"""Which of the scheduled runs are to be started, and when the next one is."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse

EARLY = timedelta(seconds=0.2)


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """What the scheduled runs of a work pool come to at one moment."""

    due: list[WorkerFlowRunResponse]
    missed: list[FlowRun]
    """Runs that a schedule made while no worker was up, each followed by a later one that is due as well."""
    next: datetime | None


def agenda(scheduled: list[WorkerFlowRunResponse], now: datetime) -> Agenda:
    """Sort the scheduled runs; of several that one schedule owes, only the latest is due."""
    ready = sorted((entry for entry in scheduled if due_at(entry) <= now + EARLY), key=due_at)
    later = [due_at(entry) for entry in scheduled if due_at(entry) > now + EARLY]
    latest = {_routine(entry): entry.flow_run.id for entry in ready if _is_routine(entry)}
    kept = [entry for entry in ready if not _is_routine(entry) or entry.flow_run.id in latest.values()]
    keeps = {entry.flow_run.id for entry in kept}
    missed = [entry.flow_run for entry in ready if entry.flow_run.id not in keeps]
    return Agenda(due=kept, missed=missed, next=min(later, default=None))


def due_at(entry: WorkerFlowRunResponse) -> datetime:
    """When the run is to start."""
    return entry.flow_run.next_scheduled_start_time or datetime.now(UTC)


def _is_routine(entry: WorkerFlowRunResponse) -> bool:
    """Whether a schedule made the run and it was never started."""
    return bool(entry.flow_run.auto_scheduled) and entry.flow_run.run_count == 0


def _routine(entry: WorkerFlowRunResponse) -> str:
    """What the run does: runs of one schedule have it in common."""
    return json.dumps(
        [str(entry.flow_run.deployment_id), entry.flow_run.parameters], default=str, sort_keys=True
    )
