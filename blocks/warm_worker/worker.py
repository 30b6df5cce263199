"""The worker type `soma-warm`: runs flows in processes forked from a warm interpreter.

A Prefect worker like any other (`prefect worker start --pool NAME --type soma-warm` finds it), but a
run starts in a fraction of a second, because its process has Prefect and the hub's flows loaded already.
"""

import asyncio
import contextlib
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio.abc
import httpx
from prefect.client.schemas.objects import Flow, FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse, WorkerFlowRunResponse
from prefect.exceptions import Abort, ObjectNotFound
from prefect.settings import PREFECT_WORKER_ENABLE_CANCELLATION, temporary_settings
from prefect.states import Pending
from prefect.utilities.engine import propose_state
from prefect.workers.base import BaseWorker, BaseWorkerResult

from blocks.settings import Settings, load_settings
from blocks.warm_worker.configuration import WarmJobConfiguration, WarmVariables, configure
from blocks.warm_worker.endings import Endings
from blocks.warm_worker.fork_client import Ended, ForkClient
from blocks.warm_worker.fork_process import OwnForkServer, fork_socket, ready_note
from blocks.warm_worker.intake import Intake
from blocks.warm_worker.lost_runs import LostRuns
from blocks.warm_worker.sending import Sending
from blocks.warm_worker.wakeups import Wakeups

POLL_SECONDS = 10.0
RETRY_SECONDS = 2.0


class WarmWorkerResult(BaseWorkerResult):
    """How one run's process ended."""

    reason: str | None = None
    """Why the fork server killed it, where it did."""


class WarmWorker(BaseWorker[WarmJobConfiguration, WarmVariables, WarmWorkerResult]):
    """Starts each flow run in a process of its own, forked from the fork server."""

    type = "soma-warm"
    job_configuration = WarmJobConfiguration
    job_configuration_variables = WarmVariables
    _description = "Execute flow runs in processes forked from a warm interpreter of SomaAgentHub."
    _display_name = "Soma warm process"

    def __init__(self, work_pool_name: str, *, settings: Settings | None = None, **given: Any) -> None:
        self.settings = settings or load_settings()
        given["name"] = given.get("name") or _default_name(self.settings)
        most_runs = given.get("limit") or self.settings.max_runs
        given["limit"] = most_runs + self.settings.max_drivers
        super().__init__(work_pool_name, **given)
        self.wakeups = Wakeups()
        self.forks = ForkClient(fork_socket(self.settings), self.note_end)
        self.forks.on_connected = self._on_connected
        self.forks.on_killed = self._on_killed
        self.intake = Intake(self, self.settings, most_runs)
        self.endings = Endings(self)
        self.lost_runs = LostRuns(self)
        self.sending = Sending(self, self.settings.run_logs_path)
        self._exits: dict[str, asyncio.Future[Ended]] = {}
        self._started: set[str] = set()
        self._flows: dict[UUID, Flow] = {}
        self.looked_at: float | None = None
        """When Prefect last said which runs are due, by the monotonic clock."""
        self._once = False
        self._ready = False

    @property
    def place(self) -> str:
        """Names this worker's fork server in `infrastructure_pid`, before the process id."""
        return f"{socket.gethostname()}:{self.forks.socket}:"

    @property
    def pool(self) -> str:
        return self._work_pool_name

    @property
    def queues(self) -> list[str]:
        """The queues that it takes runs from; all if empty."""
        return list(self._work_queues)

    async def start(
        self,
        run_once: bool = False,  # noqa: FBT001, FBT002  # Prefect's signature
        with_healthcheck: bool = False,  # noqa: FBT001, FBT002
        printer: Callable[..., None] = print,
    ) -> None:
        self._once = run_once
        await super().start(run_once, with_healthcheck, printer)

    async def setup(self) -> None:
        await super().setup()
        self._exit_stack.push_async_callback(self._end_helpers)
        self._own = await OwnForkServer.start_unless_running(self.settings)
        work = (self.forks.keep_connected, self.wakeups.listen, self.lost_runs.keep_looking)
        self._helpers = [asyncio.create_task(begin()) for begin in (*work, self.sending.keep_sending)]

    async def _end_helpers(self) -> None:
        for task in self._helpers:
            task.cancel()
        await asyncio.gather(*self._helpers, return_exceptions=True)
        if self._own:
            await self._own.stop()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Submit what is due; unless running once, go on doing so at every wake-up."""
        submitted = await self._submit_due()
        while not self._once and self.is_setup:
            await self.wakeups.wait(POLL_SECONDS)
            try:
                submitted = await self._submit_due()
            except (httpx.HTTPError, OSError) as error:
                self.warn(f"Prefect does not answer; asking again in {RETRY_SECONDS:g} s: {error!r}")
                await asyncio.sleep(RETRY_SECONDS)
                self.wakeups.wake()
        return submitted

    async def _submit_due(self) -> list[FlowRun]:
        self._last_polled_time = datetime.now(UTC)
        if not self._has_successfully_synced:
            return []
        await self.lost_runs.until_compared()
        if not self._ready:
            ready_note(self.settings).write_text(self.name)
            self._ready = True
        due = await self.intake.due()
        self.looked_at = time.monotonic()
        return await self._submit_scheduled_flow_runs(flow_run_response=due)

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        return await self.intake.scheduled()

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Claim the run, fork its process, and see it through to its end."""
        try:
            claimed, deployment = await asyncio.gather(self._claim(flow_run), self._deployment(flow_run))
            if claimed and deployment is None and flow_run.deployment_id:
                await self.endings.crash(flow_run.id, "its deployment no longer exists")
            elif claimed:
                await self._see_through(flow_run, claimed, deployment)
        except (httpx.TransportError, OSError) as error:
            self.warn(f"Flow run '{flow_run.id}' is left as it is, for Prefect does not answer: {error!r}")
        except Exception as error:
            self._logger.exception("Flow run '%s' could not be started", flow_run.id)
            await self.endings.crash(flow_run.id, f"it could not be started: {type(error).__name__}: {error}")
        finally:
            self._release_limit_slot(flow_run.id)
            self._leave(flow_run.id)

    def _leave(self, flow_run_id: UUID) -> None:
        """The run is no longer this worker's to see to."""
        self.intake.places.free(flow_run_id)
        self.endings.cancelled.discard(str(flow_run_id))
        self._submitting_flow_run_ids.discard(flow_run_id)
        self._watch_cancellation(flow_run_id, on=False)
        self.sending.end(str(flow_run_id))
        self.wakeups.wake()

    async def _claim(self, flow_run: FlowRun) -> State[Any] | None:
        """Move the run to Pending, so that no other worker takes it; None when one has."""
        try:
            state = await propose_state(self.client, Pending(), flow_run_id=flow_run.id)
        except (Abort, ObjectNotFound):
            return None
        return state if state.is_pending() else None

    async def _deployment(self, flow_run: FlowRun) -> DeploymentResponse | None:
        if flow_run.flow_id not in self._flows:
            self._flows[flow_run.flow_id] = await self.client.read_flow(flow_run.flow_id)
        if flow_run.deployment_id is None:
            return None
        with contextlib.suppress(ObjectNotFound):
            return await self.client.read_deployment(flow_run.deployment_id)
        return None

    async def _see_through(
        self, flow_run: FlowRun, claimed: State[Any], deployment: DeploymentResponse | None
    ) -> None:
        flow_run.state = claimed
        configuration = await configure(
            flow_run,
            flow=self._flows[flow_run.flow_id],
            deployment=deployment,
            pool=self.work_pool,
            client=self.client,
            worker=self.name,
            worker_id=self.backend_id,
        )
        if str(flow_run.id) in self.endings.cancelled:  # before it had a process
            await self.endings.conclude(flow_run.id, 0)
            return
        result = await self.run(flow_run, configuration)
        await self._conclude(flow_run.id, Ended(status=result.status_code, reason=result.reason))

    async def _conclude(self, flow_run_id: UUID, ended: Ended) -> None:
        """Report what the run's process could not report itself."""
        if await self.endings.conclude(flow_run_id, ended.status, ended.reason):
            self.forks.forget(str(flow_run_id))

    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> WarmWorkerResult:
        """Run the flow in a new process; returns when the process has ended."""
        run = str(flow_run.id)
        message = configuration.message(flow_run, self.sending.begin(run), self.settings)
        with self._expecting_end(run) as exited:
            pid = await self.forks.start(run, message)
            self._started.add(run)
            if run in self.endings.cancelled:
                self.end(run)
            if task_status:
                task_status.started(pid)
            await self._note_start(flow_run.id, pid)
            ended = await exited
        return WarmWorkerResult(identifier=str(pid), status_code=ended.status, reason=ended.reason)

    @contextlib.contextmanager
    def _expecting_end(self, run: str) -> Iterator[asyncio.Future[Ended]]:
        exited: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._exits[run] = exited
        try:
            yield exited
        finally:
            self._exits.pop(run, None)
            self._started.discard(run)

    async def _note_start(self, flow_run_id: UUID, pid: int) -> None:
        """Write down who runs the run; it goes on even when this fails."""
        try:
            await self.client.update_flow_run(flow_run_id, infrastructure_pid=f"{self.place}{pid}")
            await self._give_worker_labels_to_flow_run(flow_run_id)
        except Exception:
            self._logger.exception("Flow run '%s' runs, but where could not be noted", flow_run_id)

    def started(self) -> set[str]:
        """The runs that have a process, as far as this worker knows."""
        return set(self._started)

    def sees_to(self, flow_run_id: UUID) -> bool:
        """Whether this worker starts the run or waits for its end."""
        return flow_run_id in self._submitting_flow_run_ids

    def warn(self, text: str) -> None:
        self._logger.warning(text)

    async def adopt(self, flow_run: FlowRun) -> None:
        """Wait for the end of a run that an earlier worker started."""
        if self._runs_task_group is None:
            return
        self._submitting_flow_run_ids.add(flow_run.id)
        self.sending.begin(str(flow_run.id))
        self._runs_task_group.start_soon(self._see_adopted_through, flow_run)
        await self.intake.take(flow_run)

    async def _see_adopted_through(self, flow_run: FlowRun) -> None:
        run = str(flow_run.id)
        self._watch_cancellation(flow_run.id, on=True)
        try:
            with self._expecting_end(run) as exited:
                self._started.add(run)
                ended = await exited
            await self._conclude(flow_run.id, ended)
        finally:
            self._leave(flow_run.id)

    def note_end(self, run: str, ended: Ended) -> None:
        """The process of `run` has ended."""
        future = self._exits.get(run)
        if future and not future.done():
            future.set_result(ended)

    async def _on_connected(self) -> None:
        """After a new connection: runs that the fork server no longer holds have died with it."""
        task = asyncio.create_task(self.lost_runs.compare())
        self._helpers.append(task)
        task.add_done_callback(self._helpers.remove)

    def _on_killed(self, ended: Ended) -> None:
        """The fork server is dead, and the kernel has ended its runs."""
        for run in self.started():
            self.note_end(run, ended)

    async def _setup_cancellation_observer(self) -> None:
        """Hear of cancellations, which Prefect leaves to its own runner unless a setting is on."""
        with temporary_settings({PREFECT_WORKER_ENABLE_CANCELLATION: True}):
            await super()._setup_cancellation_observer()

    def _watch_cancellation(self, flow_run_id: UUID, *, on: bool) -> None:
        observer = self._cancelling_observer
        if observer and on:
            observer.add_in_flight_flow_run_id(flow_run_id)
        elif observer:
            observer.remove_in_flight_flow_run_id(flow_run_id)

    async def _cancel_run(self, flow_run_id: UUID) -> None:
        """End the run's process, which then reports itself as cancelled; a run not started is marked so."""
        if self.sees_to(flow_run_id):
            self.end(str(flow_run_id))
        else:
            await super()._cancel_run(flow_run_id)

    def end(self, run: str) -> None:
        """End the run's process as cancelled, at once if it has been started, else when it is."""
        self.endings.cancelled.add(run)
        self.forks.stop(run)

    async def mark_cancelled(self, flow_run: FlowRun, message: str) -> None:
        """Tell Prefect that the run is cancelled."""
        await self._mark_flow_run_as_cancelled(flow_run, {"message": message})


def _default_name(settings: Settings) -> str:
    digest = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:6]
    return f"soma-warm {socket.gethostname()} {digest}"
