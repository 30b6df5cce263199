"""Which of the scheduled runs the worker starts now: those due, by priority, as far as there is room."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound

from blocks.settings import Settings
from blocks.warm_worker.due import Watch, agenda
from blocks.warm_worker.places import PlaceNames, Places

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

LOOK_AHEAD = timedelta(seconds=20)
PAGE = 200
"""As many scheduled runs as Prefect's server names at once."""


class Intake:
    """Takes runs out of the work pool's queues."""

    def __init__(self, worker: "WarmWorker", settings: Settings, most_runs: int) -> None:
        self.worker = worker
        self.places = Places({"run": most_runs, "driver": settings.max_drivers})
        self.names = PlaceNames()
        self.watch = Watch()

    async def due(self) -> list[WorkerFlowRunResponse]:
        """The runs to be started now, each with its place taken; missed ones are marked so."""
        now = datetime.now(UTC)
        scheduled = [] if self.places.are_full else await self.scheduled()
        self.watch.look(now)  # only now: while Prefect does not answer, nobody looks
        found = agenda(scheduled, now, self.watch.since)
        for missed in found.missed:
            await self.worker.mark_cancelled(missed.flow_run, missed.reason)
        if found.next:
            self.worker.wakeups.at(found.next)
        due = {entry.flow_run.id for entry in found.due}
        return await self._with_room([entry for entry in scheduled if entry.flow_run.id in due])

    async def _with_room(self, entries: list[WorkerFlowRunResponse]) -> list[WorkerFlowRunResponse]:
        """Those of the entries, which come by priority, that find a place."""
        new = [entry for entry in entries if not self.worker.sees_to(entry.flow_run.id)]
        names = await self.names.of(self.worker.client, [entry.flow_run for entry in new])
        chosen = []
        for entry in new:
            run = entry.flow_run.id
            if self.places.has_room(names[run]):
                self.places.take(run, names[run])
                chosen.append(entry)
        return chosen

    async def take(self, flow_run: FlowRun) -> None:
        """Count a run that a former worker started."""
        names = await self.names.of(self.worker.client, [flow_run])
        self.places.take(flow_run.id, names[flow_run.id])

    async def scheduled(self) -> list[WorkerFlowRunResponse]:
        """The runs that are due soon, by their queues' priorities and then by time.

        Prefect keeps back what its limits of pools and queues forbid. Where one queue fills a whole answer,
        each queue is asked for, so that many waiting drivers do not hide the runs that they wait for.
        """
        queues = self.worker.queues
        found = await self._scheduled_in(queues)
        if len(found) < PAGE:
            return found
        named = await self.worker.client.read_work_queues(self.worker.pool)
        ordered = sorted(named, key=lambda queue: queue.priority or 0)
        answers = [
            await self._scheduled_in([queue.name]) for queue in ordered if not queues or queue.name in queues
        ]
        return [entry for answer in answers for entry in answer]

    async def _scheduled_in(self, queues: list[str]) -> list[WorkerFlowRunResponse]:
        with contextlib.suppress(ObjectNotFound):
            return await self.worker.client.get_scheduled_flow_runs_for_work_pool(
                work_pool_name=self.worker.pool,
                scheduled_before=datetime.now(UTC) + LOOK_AHEAD,
                work_queue_names=queues or None,
            )
        return []
