"""The flow that plans and drives a blueprint in one go, for triggers, schedules and Prefect's UI."""

from typing import Any

from prefect import flow
from prefect.client.schemas import State

from blocks.errors import BadInput, NotFound
from capsules.driver.planning import NotStarted, ended_as, not_started, plan_project
from flows.project import run_project


@flow(name="run-blueprint", flow_run_name="{blueprint}", retries=0)
async def run_blueprint(
    blueprint: str,
    inputs: dict[str, Any] | None = None,
    trigger: str | None = None,
    delivery: str | None = None,
    event: dict[str, Any] | None = None,
) -> State:
    """Plan a project from the blueprint and drive it until it ends or waits for people.

    With `trigger` (a schedule's) or `delivery` (an event's) the records say what is planned, whatever the
    other parameters are. With `event`, for Prefect automations, `{"$event": "path"}` in the inputs stands for
    a part of it, and is not taken for what a person has asked.
    """
    try:
        project_id = await plan_project(
            blueprint, inputs or {}, trigger=trigger, delivery=delivery, event=event
        )
    except (NotStarted, BadInput, NotFound) as reason:
        return not_started(reason)
    return ended_as(await run_project(project_id, return_state=True))
