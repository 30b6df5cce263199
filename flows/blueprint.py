"""The flow that plans and drives a blueprint in one go, for schedules and for Prefect's UI."""

from typing import Any

from prefect import flow
from prefect.client.schemas import State

from capsules.driver.entry import plan_project
from flows.project import run_project


@flow(name="run-blueprint", flow_run_name="{blueprint}", retries=0)
async def run_blueprint(blueprint: str, inputs: dict[str, Any]) -> State:
    """Plan a project from the blueprint and drive it until it ends or waits for people."""
    project_id = await plan_project(blueprint, inputs)
    return await run_project(project_id, return_state=True)
