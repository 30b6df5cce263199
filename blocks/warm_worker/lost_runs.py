"""Finds runs that Prefect believes to be going on though their process is gone, and reports them crashed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

EVERY_SECONDS = 30.0
KILLED = -9
UNCLAIMED_AFTER = timedelta(seconds=30)
UNENDED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


class LostRuns:
    """Compares what Prefect believes with what the fork server holds."""

    def __init__(self, worker: "WarmWorker") -> None:
        self.worker = worker
        self._comparing = asyncio.Lock()

    async def keep_looking(self) -> None:
        """Compare now and then, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.compare()

    async def compare(self) -> None:
        """Report every lost run, and see to those that a former worker had started."""
        async with self._comparing:
            try:
                await self._compare()
            except Exception as error:  # noqa: BLE001  # the next comparison may do better
                self.worker.warn(f"Lost runs could not be looked for: {error!r}")

    async def _compare(self) -> None:
        started = self.worker.started()
        believed = await self._believed()
        holdings = await self.worker.forks.list()
        for run in started - set(holdings.held):
            self.worker.note_end(run, holdings.ended.get(run, KILLED))
        for flow_run in believed:
            run = str(flow_run.id)
            if run in holdings.held:
                self._look_after(flow_run)
            elif not self.worker.sees_to(flow_run.id) and (run in holdings.ended or self._is_lost(flow_run)):
                await self.worker.crash(flow_run.id, "the process of this run is gone")
                self.worker.forks.forget(run)

    def _look_after(self, flow_run: FlowRun) -> None:
        """Take over a run from a former worker, and end one whose cancellation nobody has heard of."""
        if not self.worker.sees_to(flow_run.id):
            self.worker.adopt(flow_run)
        if flow_run.state and flow_run.state.is_cancelling():
            self.worker.end(str(flow_run.id))

    async def _believed(self) -> list[FlowRun]:
        """The runs of the work pool that Prefect believes to be going on."""
        return await self.worker.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNENDED))
            ),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self.worker.pool])),
            limit=200,
        )

    def _is_lost(self, flow_run: FlowRun) -> bool:
        """Whether it ran in our place, or was claimed long ago by a worker that died before starting it."""
        if flow_run.infrastructure_pid:
            return flow_run.infrastructure_pid.startswith(self.worker.place)
        state = flow_run.state
        if state is None or state.type is not StateType.PENDING:
            return False
        return datetime.now(UTC) - state.timestamp > UNCLAIMED_AFTER
