"""A driver's run that lies paused in Prefect while its project is paused, holding no process."""

from datetime import timedelta

from prefect._flow_run_suspension import FlowRunSuspensionRequest
from prefect.client.orchestration import get_client
from prefect.client.schemas import State
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.states import Suspended

PATIENCE = timedelta(days=3650)
"""How long the run stays paused; Prefect would call it failed after that."""


class Unheeded(FlowRunSuspensionRequest):
    """A request to suspend that Prefect's engine does not carry out: the hub obeys it, at the right moment.

    The engine would break off every capsule at its next task, in the middle of its work.
    """

    def mark_requested(self, state: State) -> None:
        """Leave the matter to the hub."""


def leave_suspending_to_the_hub() -> None:
    """Have the present run, and all that runs inline in it, go on when it is suspended in Prefect."""
    context = FlowRunContext.get()
    if context is not None:
        context.flow_run_suspension_request.__class__ = Unheeded


async def stay_paused(reason: str | None) -> None:
    """Leave the present run paused in Prefect, where it can be resumed, and end its process.

    Returns where that cannot be: a run without a deployment could never be started again.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or run.deployment_id is None:
        return
    state: State = Suspended(timeout_seconds=int(PATIENCE.total_seconds()), message=reason)
    async with get_client() as client:
        answer = await client.set_flow_run_state(run.id, state, force=True)
    raise Pause(state=answer.state or state)
