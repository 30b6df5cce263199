"""The name that a refused task run ends in: `PolicyDenied` or `AwaitingApproval`, never a bare `Failed`.

Prefect names the state of a task that raises `Failed`, and keeps no door open to say otherwise: hooks run
after the state is set, and returning a state would not raise at the caller. The engine does hand the run
itself to the task's context, so a refused run is given a class that renames the state as it is set.
"""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from blocks.errors import ApprovalNeeded, PolicyDenied, Refusal

NAMES = {PolicyDenied: "PolicyDenied", ApprovalNeeded: "AwaitingApproval"}


class RefusedRun(TaskRun):
    """A task run whose guard said no."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "state" and isinstance(value, State):
            name_refusal(value)
        super().__setattr__(name, value)


def name_refused_run(run: TaskRun) -> None:
    """Lets the run end in the state that says who refused it and why."""
    run.__class__ = RefusedRun


def name_refusal(state: State[Any]) -> None:
    """Names a failed state after the refusal it holds."""
    error = refusal_in(state)
    if state.is_failed() and error is not None:
        state.name = NAMES.get(type(error), "PolicyDenied")
        state.message = f"{state.name}: {error.message}"


def refusal_in(state: State[Any]) -> Refusal | None:
    """The refusal that a state holds, as a value or as a result record."""
    found = state.data if isinstance(state.data, Exception) else getattr(state.data, "result", None)
    return found if isinstance(found, Refusal) else None
