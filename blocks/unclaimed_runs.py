"""Unclaimed runs: those that no process has begun, whether nobody took them or who took them died at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.dead_runs import mark_dead
from blocks.driver_runs import Drivers
from blocks.records.database import Database
from blocks.records.leases import living_holders
from blocks.records.waiting_runs import note_driver, note_node

LATE = timedelta(seconds=20)
"""How long a run may wait for a worker before that is said."""
SILENT = timedelta(seconds=20)
"""How long a run may be going on without a lease, which is the first thing that it takes."""
UNSTARTED = timedelta(seconds=60)
"""How long after a worker took a run its process (or pod) may be missing."""
NEVER = timedelta(minutes=15)
"""How long a process or pod may be known and not begin: its image may be missing, or no node have room."""
PAGE = 200


class UnclaimedRuns:
    """Compares the runs that Prefect shows as not ended with the processes that work for the hub."""

    def __init__(self, database: Database, prefect: Drivers) -> None:
        self._database = database
        self._prefect = prefect
        self._suspected: dict[str, str] = {}
        """Runs that looked dead at the last look, in which state; only the second look counts."""

    async def look(self) -> list[str]:
        """Say of runs that wait why they do, and close those whose process never came to be; their ids."""
        runs = await self._prefect.read("flow_runs/filter", _due())
        alive = {holder.flow_run for holder in await living_holders(self._database)}
        suspected: dict[str, str] = {}
        closed: list[str] = []
        for run in runs:
            why = _fault(run) if run["id"] not in alive and _takes_a_lease(run) else None
            if why is None:
                continue
            if self._suspected.get(run["id"]) == run["state_id"]:
                closed += await mark_dead(self._prefect, run["id"], why)
            suspected[run["id"]] = run["state_id"]
        self._suspected = suspected
        await self._note([run for run in runs if run["state_type"] != "RUNNING"])
        return closed

    async def _note(self, waiting: list[dict[str, Any]]) -> None:
        pools = {run["work_pool_name"] for run in waiting if run.get("work_pool_name")}
        online = {pool: await self._online(pool) for pool in pools}
        for run in waiting:
            reason = _reason(run, online.get(run.get("work_pool_name"), 0))
            key = str(run.get("idempotency_key") or "")
            if key.startswith("att_"):
                await note_node(self._database, key, reason)
            elif run["name"].startswith("drive "):
                await note_driver(self._database, run["name"].removeprefix("drive "), reason)

    async def _online(self, pool: str) -> int:
        workers = await self._prefect.read(f"work_pools/{pool}/workers/filter", {})
        return sum(worker["status"] == "ONLINE" for worker in workers)


def _due() -> dict[str, Any]:
    late = (datetime.now(UTC) - LATE).isoformat()
    return {
        "deployments": {"name": {"any_": ["hub", "pod"]}},
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}},
            "expected_start_time": {"before_": late},
        },
        "limit": PAGE,
    }


def _takes_a_lease(run: dict[str, Any]) -> bool:
    """Whether it is a driver's or a capsule's run: those take a lease before they do anything."""
    return any(tag == "capsule" or tag.startswith("project:") for tag in run["tags"])


def _fault(run: dict[str, Any]) -> str | None:
    """Why nothing more is to be expected of the run; None while something is."""
    since = datetime.now(UTC) - datetime.fromisoformat(run["state"]["timestamp"])
    if run["state_type"] == "RUNNING" and since > SILENT:
        return f"it has been running for {since.total_seconds():.0f} s, and no process works at it"
    if run["state_type"] == "PENDING" and since > UNSTARTED and not run["infrastructure_pid"]:
        return f"a worker took it {since.total_seconds():.0f} s ago and died before it started a process"
    if run["state_type"] == "PENDING" and since > NEVER:
        return f"what was started for it has not begun within {since.total_seconds() / 60:.0f} minutes"
    return None


def _reason(run: dict[str, Any], online: int) -> str:
    pool = run.get("work_pool_name")
    if run["state_type"] == "PENDING":
        return f"a worker of pool {pool!r} has taken its run, which has not begun yet"
    if online == 0:
        return f"its run waits for a worker of pool {pool!r}, and none is there: start one"
    return f"its run waits for a place: the workers of pool {pool!r} are busy"
