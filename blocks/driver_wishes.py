"""What people did to drivers' runs in Prefect while no driver was there: found by the reconciler."""

from datetime import datetime
from typing import Any

from sqlmodel import col, select

from blocks.dead_runs import was_cancelled
from blocks.driver_runs import Drivers, run_name
from blocks.records.control import noticed_in_prefect
from blocks.records.database import Database
from blocks.records.tables import Project

CANCELLED = ["CANCELLED", "CANCELLING"]
PAGE = 200


async def heed_dead_driver(
    database: Database, prefect: Drivers, project: Project, runs: list[dict[str, Any]]
) -> None:
    """Take it for a wish when a run that drove the project, or was to, was cancelled or paused in Prefect.

    `runs` are its driver runs that have not ended. What happened before people's last wish does not count.
    """
    if project.control != "run":
        return
    if any(run["state_type"] == "PAUSED" and run["id"] == project.driver_run for run in runs):
        await noticed_in_prefect(database, project.id, "PAUSED")
    since = project.control_at or project.launched_at
    for run in await _cancelled_runs(prefect, project.id):
        late = since is None or datetime.fromisoformat(run["state"]["timestamp"]) > since
        if late and await was_cancelled(prefect, run["id"]):
            await noticed_in_prefect(database, project.id, "CANCELLED")
            return


async def heed_paused_projects(database: Database, prefect: Drivers) -> list[str]:
    """Cancel the paused projects whose paused runs were cancelled in Prefect; their ids."""
    query = select(Project.id, Project.driver_run).where(
        Project.state == "paused", col(Project.driver_run).is_not(None)
    )
    async with database.session() as session:
        projects = {str(run): project for project, run in await session.exec(query)}
    ids, found = list(projects), []
    for start in range(0, len(ids), PAGE):
        page = {"id": {"any_": ids[start : start + PAGE]}, "state": {"type": {"any_": CANCELLED}}}
        for run in await prefect.read("flow_runs/filter", {"flow_runs": page, "limit": PAGE}):
            project = projects[run["id"]]
            if await noticed_in_prefect(database, project, "CANCELLED"):
                found.append(project)
    return found


async def resume_driver(prefect: Drivers, runs: list[dict[str, Any]]) -> str | None:
    """Let one of the paused runs go on, and return which; None when none could."""
    for run in runs:
        if await prefect.resume(run["id"]):
            return str(run["id"])
    return None


async def _cancelled_runs(prefect: Drivers, project: str) -> list[dict[str, Any]]:
    """The newest runs that were to drive the project and were cancelled."""
    wanted = {"name": {"any_": [run_name(project)]}, "state": {"type": {"any_": CANCELLED}}}
    query = {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_DESC", "limit": 5}
    return await prefect.read("flow_runs/filter", query)
