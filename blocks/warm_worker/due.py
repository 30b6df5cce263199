"""Which of the scheduled runs are to be started, and when the next one is.

What is done about runs that a schedule owes from a time when nothing could start them is the deployment's to
say, by a tag: `catch-up:skip`, `catch-up:latest` (so it is without a tag) or `catch-up:all`.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse

EARLY = timedelta(seconds=0.2)
LENIENCE = timedelta(seconds=60)
"""A run that was due so shortly before somebody began to look is late, not missed: hubs are restarted."""
BREAK = timedelta(seconds=60)
"""Without a look for so long, nobody has been there to start anything."""
CATCH_UP = "catch-up:"
CHOICES = frozenset({"skip", "latest", "all"})
SUPERSEDED = (
    "Missed: it could not start when it was due, and a later run of the same schedule takes its place."
)
SKIPPED = "Missed: nothing was up to start it when it was due, and its deployment skips such runs."


@dataclass(frozen=True, kw_only=True)
class Missed:
    """A run that a schedule made and that is not started any more."""

    flow_run: FlowRun
    reason: str


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """What the scheduled runs of a work pool come to at one moment."""

    due: list[WorkerFlowRunResponse]
    missed: list[Missed]
    next: datetime | None


class Watch:
    """Since when somebody has looked for runs without a break."""

    def __init__(self) -> None:
        self.since: datetime | None = None
        self._last: datetime | None = None

    def look(self, now: datetime) -> None:
        """Note a look; after a long break, such as a machine that slept, the watch begins anew."""
        if self._last is None or now - self._last > BREAK:
            self.since = now
        self._last = now


def agenda(scheduled: list[WorkerFlowRunResponse], now: datetime, since: datetime | None = None) -> Agenda:
    """Sort the scheduled runs; `since` says from when on somebody could have started them."""
    ready = sorted((entry for entry in scheduled if due_at(entry) <= now + EARLY), key=due_at)
    later = [due_at(entry) for entry in scheduled if due_at(entry) > now + EARLY]
    latest = {_routine(entry): entry.flow_run.id for entry in ready if _is_routine(entry)}
    reasons = {entry.flow_run.id: _why_missed(entry, set(latest.values()), since) for entry in ready}
    return Agenda(
        due=[entry for entry in ready if reasons[entry.flow_run.id] is None],
        missed=[
            Missed(flow_run=entry.flow_run, reason=reason)
            for entry in ready
            if (reason := reasons[entry.flow_run.id]) is not None
        ],
        next=min(later, default=None),
    )


def due_at(entry: WorkerFlowRunResponse) -> datetime:
    """When the run is to start."""
    return entry.flow_run.next_scheduled_start_time or datetime.now(UTC)


def catch_up_of(tags: list[str]) -> str:
    """What a deployment's tags choose: `skip`, `latest` or `all`."""
    said = [tag.removeprefix(CATCH_UP) for tag in tags if tag.startswith(CATCH_UP)]
    return next((choice for choice in said if choice in CHOICES), "latest")


def _why_missed(entry: WorkerFlowRunResponse, latest: set[object], since: datetime | None) -> str | None:
    """Why a run that is due is not started, if that is so."""
    choice = catch_up_of(entry.flow_run.tags)
    if not _is_routine(entry) or choice == "all":
        return None
    if choice == "skip" and since is not None and due_at(entry) < since - LENIENCE:
        return SKIPPED
    return None if entry.flow_run.id in latest else SUPERSEDED


def _is_routine(entry: WorkerFlowRunResponse) -> bool:
    """Whether a schedule made the run and it was never started."""
    return bool(entry.flow_run.auto_scheduled) and entry.flow_run.run_count == 0


def _routine(entry: WorkerFlowRunResponse) -> str:
    """What the run does: runs of one schedule have it in common."""
    return json.dumps(
        [str(entry.flow_run.deployment_id), entry.flow_run.parameters], default=str, sort_keys=True
    )
