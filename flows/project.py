"""The flow that drives a project."""

from prefect import flow
from prefect.client.schemas import State

from capsules.driver.entry import drive_project


@flow(name="run-project", retries=0)
async def run_project(project_id: str) -> State:
    """Drive a project from wherever its ledger stands; harmless to start twice, or again after a crash."""
    return await drive_project(project_id)
