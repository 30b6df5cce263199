"""Finds runs that Prefect believes to be going on though their process is gone, and reports them crashed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType

from blocks.warm_worker.exits import describe_exit
from blocks.warm_worker.fork_client import Ended, Holdings

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

EVERY_SECONDS = 10.0
RETRY_SECONDS = 2.0
GONE = Ended(status=-9, reason="the process of this run is gone")
UNCLAIMED_AFTER = timedelta(seconds=30)
UNENDED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


class LostRuns:
    """Compares what Prefect believes with what the fork server holds."""

    def __init__(self, worker: "WarmWorker") -> None:
        self.worker = worker
        self._comparing = asyncio.Lock()
        self._compared = asyncio.Event()

    async def until_compared(self) -> None:
        """Return once runs of a former worker are known and counted."""
        await self._compared.wait()

    async def keep_looking(self) -> None:
        """Compare now and then, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS if self._compared.is_set() else RETRY_SECONDS)
            await self.compare()

    async def compare(self) -> None:
        """Report every lost run, and see to those that a former worker had started."""
        async with self._comparing:
            try:
                await self._compare()
            except Exception as error:  # noqa: BLE001  # the next comparison may do better
                self.worker.warn(f"Lost runs could not be looked for: {error!r}")
            else:
                self._compared.set()

    async def _compare(self) -> None:
        started = self.worker.started()
        believed = await self._believed()
        holdings = await self.worker.forks.list()
        for run in started - set(holdings.held):
            self.worker.note_end(run, holdings.ended.get(run, GONE))
        for flow_run in believed:
            if str(flow_run.id) in holdings.held:
                await self._look_after(flow_run)
            elif not self.worker.sees_to(flow_run.id):
                await self._report(flow_run, holdings)
        self._tidy(holdings, {flow_run.id for flow_run in believed})

    async def _look_after(self, flow_run: FlowRun) -> None:
        """Take over a run from a former worker, and end one whose cancellation nobody has heard of."""
        if not self.worker.sees_to(flow_run.id):
            await self.worker.adopt(flow_run)
        if flow_run.state and flow_run.state.is_cancelling():
            self.worker.end(str(flow_run.id))

    async def _report(self, flow_run: FlowRun, holdings: Holdings) -> None:
        run = str(flow_run.id)
        ended = holdings.ended.get(run) or (GONE if self._is_lost(flow_run) else None)
        if ended and await self.worker.endings.crash(
            flow_run.id, ended.reason or describe_exit(ended.status)
        ):
            self.worker.forks.forget(run)

    def _tidy(self, holdings: Holdings, believed: set[UUID]) -> None:
        """Let go of runs that have ended as Prefect knows, and send the rest of their logs."""
        for run in set(holdings.ended) - {str(known) for known in believed}:
            if is_run(run) and not self.worker.sees_to(UUID(run)):
                self.worker.forks.forget(run)
        for run in self.worker.sending.known() - set(holdings.held):
            if is_run(run) and not self.worker.sees_to(UUID(run)):
                self.worker.sending.end(run)

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
        if state is None or datetime.now(UTC) - state.timestamp < UNCLAIMED_AFTER:
            return False
        return state.is_pending() or (state.is_cancelling() and flow_run.start_time is None)


def is_run(name: str) -> bool:
    """Whether it is the id of a flow run; what else is forked has other names."""
    try:
        UUID(name)
    except ValueError:
        return False
    return True
