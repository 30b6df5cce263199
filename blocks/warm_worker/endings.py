"""Reports how runs ended where their processes could not: crashed, or cancelled."""

from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort, ObjectNotFound
from prefect.states import Crashed
from prefect.utilities.engine import propose_state

from blocks.warm_worker.exits import describe_exit

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

CANCELLED = "Cancelled by its worker."


class Endings:
    """Tells Prefect of the ends that nobody else tells it of."""

    def __init__(self, worker: "WarmWorker") -> None:
        self.worker = worker
        self.cancelled: set[str] = set()
        """Runs whose cancellation has been asked for and not yet confirmed."""

    async def conclude(self, flow_run_id: UUID, status: int, reason: str | None = None) -> bool:
        """Report what the run's process could not report itself; False when Prefect could not be told."""
        run = str(flow_run_id)
        if run not in self.cancelled:
            return not status or await self.crash(flow_run_id, reason or describe_exit(status))
        told = await self._tell(flow_run_id, None)
        if told:
            self.cancelled.discard(run)
        return told

    async def crash(self, flow_run_id: UUID, reason: str) -> bool:
        """Report a run as crashed unless it has reported an end, or a new start, itself.

        A run that was being cancelled is reported as cancelled. False when Prefect could not be told; the
        next comparison with the fork server tries again.
        """
        return await self._tell(flow_run_id, reason)

    async def _tell(self, flow_run_id: UUID, crashed: str | None) -> bool:
        try:
            flow_run = await self.worker.client.read_flow_run(flow_run_id)
            state = flow_run.state
            if crashed is None or (state is not None and state.is_cancelling()):
                await self._cancel(flow_run)
            elif state is not None and (state.is_running() or state.is_pending()):
                await propose_state(self.worker.client, Crashed(message=crashed), flow_run_id=flow_run_id)
                self.worker.warn(f"Flow run '{flow_run_id}' crashed: {crashed}")
        except (ObjectNotFound, Abort):
            return True
        except Exception as error:  # noqa: BLE001  # one run that cannot be reported must not end the others
            self.worker.warn(f"Prefect could not be told how flow run '{flow_run_id}' ended: {error!r}")
            return False
        return True

    async def _cancel(self, flow_run: FlowRun) -> None:
        if flow_run.state is None or not flow_run.state.is_final():
            await self.worker.mark_cancelled(flow_run, CANCELLED)
