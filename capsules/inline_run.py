"""A capsule as a child of the run that drives it, in the same process and at the least cost to Prefect.

Prefect's own engine asks the server seven times for each child: for a task run that stands for it, whether
that has a run already, for the flow's id, for the run, its name, its state, for the run again, and for its
end. Here a child is made running in one call and ended in a second one. Everything else is as there: tasks,
loggers and `prefect.runtime` find the run that they belong to, and its states say how it went.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from prefect._internal.control_listener import get_intent
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas import FlowRun, State
from prefect.concurrency.context import ConcurrencyContext
from prefect.context import AsyncClientContext, FlowRunContext
from prefect.flow_engine import run_flow_async
from prefect.futures import resolve_futures_to_states
from prefect.logging.loggers import flow_run_logger
from prefect.results import get_result_store
from prefect.states import (
    Cancelled,
    exception_to_crashed_state,
    exception_to_failed_state,
    return_value_to_state,
)

from capsules.inline_calls import FlowLike, Lanes, create_running, tell_end

ENDING_SECONDS = 10.0
"""How long a run that is being stopped may take to say so."""


async def run_inline_flow(
    flow: FlowLike, parameters: Mapping[str, Any], *, name: str, key: str, lanes: Lanes
) -> State[Any]:
    """Run the flow as a child of the present run, and return the state that it ended in.

    `key` is the same for the same attempt only; `lanes` are those of the present run. The result is not
    kept by Prefect. What cancels the caller cancels the child, which then says so and raises.
    """
    parent = FlowRunContext.get()
    if parent is None or parent.flow_run is None or not _is_plain(flow):
        named = flow.with_options(flow_run_name=name)
        return cast(
            "State[Any]",
            await run_flow_async(named, parameters=dict(parameters), return_type="state"),
        )
    async with AsyncClientContext.get_or_create() as opened:
        client = opened.client
        async with lanes.lend(client, parent.flow_run.id) as lane:
            making = asyncio.create_task(
                create_running(client, flow, parameters, name=name, key=key, lane=lane)
            )
            state: State[Any] | None = None
            try:
                run = await asyncio.shield(making)
                state = await _ended(flow, run, parameters, parent)
                await tell_end(client, run, state)
            except BaseException as stopped:
                await _stop(client, making, state or await _stopped_state(stopped))
                raise
    return state


async def _stop(client: PrefectClient, making: "asyncio.Task[FlowRun]", state: State[Any]) -> None:
    """End a run that is being stopped, even one that Prefect is only just making, within a short time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ENDING_SECONDS):
            await asyncio.wait([making])
            if making.exception() is None:
                await tell_end(client, making.result(), state, force=True)


def _is_plain(flow: FlowLike) -> bool:
    """Whether the flow asks for nothing but to be run: what else Prefect offers, its own engine does."""
    hooks = (
        flow.on_running_hooks,
        flow.on_completion_hooks,
        flow.on_failure_hooks,
        flow.on_cancellation_hooks,
        flow.on_crashed_hooks,
    )
    return bool(
        flow.isasync
        and not flow.isgenerator
        and not any(hooks)
        and not flow.retries
        and flow.timeout_seconds is None
        and not flow.log_prints
    )


async def _ended(
    flow: FlowLike, run: FlowRun, parameters: Mapping[str, Any], parent: FlowRunContext
) -> State[Any]:
    """The final state that the flow's function, or what it was given, leads to."""
    state: State[Any]
    message = "Validation of flow parameters failed with error:"
    async with _context(flow, run, dict(parameters), parent) as context:
        try:
            checked = flow.validate_parameters(dict(parameters))
            context.parameters = checked
            run.parameters = checked
            message = "Flow run encountered an exception:"
            result = resolve_futures_to_states(await flow.fn(**checked))
            state = await return_value_to_state(result, result_store=context.result_store)
        except Exception as error:  # noqa: BLE001  # whatever it is, the run has failed with it
            flow_run_logger(run, flow).exception("Encountered exception during execution: %r", error)
            state = await exception_to_failed_state(error, message=message)
    state.data = None  # nobody could read it: the store of results has what the ledger refers to
    return state


@asynccontextmanager
async def _context(
    flow: FlowLike,
    run: FlowRun,
    parameters: dict[str, Any],
    parent: FlowRunContext,
) -> AsyncIterator[FlowRunContext]:
    """What tasks, loggers and `prefect.runtime` look at to see which run they belong to."""
    with (
        flow.task_runner.duplicate() as runner,
        FlowRunContext(
            flow=flow,
            flow_run=run,
            parameters=parameters,
            task_runner=runner,
            client=parent.client,
            result_store=await get_result_store().aupdate_for_flow(flow),
            persist_result=bool(flow.persist_result),
            flow_run_suspension_request=parent.flow_run_suspension_request,
        ) as context,
        ConcurrencyContext(),
    ):
        yield context


async def _stopped_state(stopped: BaseException) -> State[Any]:
    """Cancelled where somebody wanted that, and crashed where the process is going down."""
    words = str(stopped) if isinstance(stopped, asyncio.CancelledError) else ""
    if "cancel scope" in words:  # anyio's own words: nobody's reason
        words = ""
    if words or get_intent() == "cancel":
        return Cancelled(message=words or "Flow run was cancelled.")
    return await exception_to_crashed_state(stopped)
