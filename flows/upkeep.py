"""The flow that keeps the hub in order."""

from prefect import flow

from capsules.environment import service_run
from tasks.upkeep import close_overdue_approvals, restart_projects


@flow(name="upkeep", retries=0)
async def upkeep() -> dict[str, list[str]]:
    """Close approvals that nobody answered in time and give undriven projects a driver."""
    async with service_run():
        return {
            "expired_approvals": await close_overdue_approvals(),
            "restarted_projects": await restart_projects(),
        }
