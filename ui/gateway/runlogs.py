"""What the runs of a project logged, as Prefect keeps it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from blocks.driver_runs import Drivers
from blocks.records.ledger import list_attempts
from blocks.records.projects import get_project
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire import LogLine

router = APIRouter(prefix="/v1/projects/{project}/logs", tags=["projects"])
LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


@router.get("")
async def list_logs(
    project: str,
    hub: CurrentHub,
    principal: CurrentPrincipal,
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> list[LogLine]:
    """The lines that the project's driver and capsules logged, oldest first."""
    await get_project(hub.database, project, tenant=principal.tenant)
    runs: dict[str, str | None] = dict.fromkeys(await _driver_runs(hub.drivers, project))
    for attempt in await list_attempts(hub.database, project):
        if attempt.flow_run:
            runs[attempt.flow_run] = attempt.node
    if not runs:
        return []
    query = {
        "logs": {"flow_run_id": {"any_": list(runs)}},
        "sort": "TIMESTAMP_ASC",
        "limit": limit,
        "offset": offset,
    }
    return [_line(found, runs) for found in await hub.drivers.read("logs/filter", query)]


async def _driver_runs(drivers: Drivers, project: str) -> list[str]:
    query = {"flow_runs": {"tags": {"all_": [f"project:{project}"]}}, "limit": 100}
    return [str(run["id"]) for run in await drivers.read("flow_runs/filter", query)]


def _line(found: dict[str, Any], runs: dict[str, str | None]) -> LogLine:
    level = LEVELS.get(found["level"], str(found["level"]))
    node = runs.get(str(found["flow_run_id"]))
    return LogLine(
        id=str(found["id"]), at=found["timestamp"], level=level, node=node, message=found["message"]
    )
