"""Health: which runs in other processes will never end their attempts."""

from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from blocks.records.ledger import attempt_of, list_attempts
from blocks.records.tables import Attempt
from capsules.attempt import attempt_lock
from capsules.environment import Environment


async def find_dead(
    opened: Environment, project: str, flow_runs: dict[str, str]
) -> list[tuple[Attempt, str]]:
    """The project's live attempts whose runs are dead, each with how that is known.

    `flow_runs` maps attempt ids to flow run ids; those whose attempts have ended are taken out of it.
    """
    live = {
        attempt.id: attempt
        for attempt in await list_attempts(opened.database, project)
        if attempt.state in {"queued", "running"} and attempt.runtime != "inline"
    }
    for ended in set(flow_runs) - set(live):
        del flow_runs[ended]
    dead = []
    async with get_client() as client:
        for attempt in live.values():
            reason = await _death(opened, client, attempt, flow_runs.get(attempt.id))
            if reason is not None:
                dead.append((attempt, reason))
    return dead


async def _death(
    opened: Environment, client: PrefectClient, attempt: Attempt, flow_run: str | None
) -> str | None:
    if attempt.state == "running":
        return "its process died" if await _abandoned(opened, attempt.id) else None
    reason = await _ended_in_prefect(client, flow_run) if flow_run is not None else None
    if reason is None:
        return None
    found = await attempt_of(opened.database, attempt.id)  # it may have been claimed meanwhile
    return reason if found is not None and found.state == "queued" else None


async def _abandoned(opened: Environment, attempt: str) -> bool:
    """Whether nobody holds the lock of a running attempt: PostgreSQL frees it when a process dies."""
    async with opened.database.lock(attempt_lock(attempt)) as free:
        if not free:
            return False
        found = await attempt_of(opened.database, attempt)
        return found is not None and found.state == "running"


async def _ended_in_prefect(client: PrefectClient, flow_run: str) -> str | None:
    try:
        run = await client.read_flow_run(flow_run)  # type: ignore[arg-type]  # the text of a UUID serves too
    except ObjectNotFound:
        return "its flow run was deleted from Prefect"
    except (OSError, PrefectHTTPStatusError):
        return None  # the API is away; the next look may tell
    if run.state is None or not run.state.is_final():
        return None
    message = f": {run.state.message}" if run.state.message else ""
    return f"its flow run ended as {run.state.name}{message}"
