"""Health: which runs in other processes will never end their attempts."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from blocks.records.leases import Watched, bury, watch_attempts
from blocks.records.ledger import attempt_of
from blocks.records.tables import Attempt
from capsules.environment import Environment

YOUNG = timedelta(seconds=2)
"""How long a queued attempt is left alone before Prefect is asked about its run."""
UNCLAIMED = timedelta(seconds=20)
"""How long a run may be going on without claiming its attempt: that is the first thing that it does."""
ROUND = 10.0
"""Seconds between two questions to Prefect about runs that nothing is suspicious of."""
MOST_ASKED = 200


class Health:
    """Looks after the attempts of one project that are at work in processes of their own."""

    def __init__(self, opened: Environment, project: str) -> None:
        self._opened = opened
        self._project = project
        self._seconds = opened.settings.lease_seconds
        self._asked = time.monotonic()

    async def dead(self, flow_runs: dict[str, str]) -> list[tuple[Attempt, str]]:
        """The live attempts whose runs are dead, each with how that is known.

        `flow_runs` maps attempt ids to flow run ids; those whose attempts have ended are taken out of it.
        It costs one query, and one call of Prefect when a run is suspicious or was not asked about for long.
        """
        watched = await watch_attempts(self._opened.database, self._project, self._seconds)
        for ended in set(flow_runs) - {item.attempt.id for item in watched}:
            del flow_runs[ended]
        dead, doubtful = [], []
        for item in watched:
            if item.death is not None and await self._bury(item, item.death):
                dead.append((item.attempt, item.death))
            elif self._is_doubtful(item):
                doubtful.append(item)
        return dead + await self._ended(doubtful, flow_runs)

    async def _bury(self, item: Watched, why: str) -> bool:
        """Make sure that its process can do nothing more; False if it has shown that it is alive."""
        if item.holder is None:
            return True
        only_if = self._seconds if item.over else None
        return await bury(self._opened.database, item.holder.id, why, if_over=only_if)

    def _is_doubtful(self, item: Watched) -> bool:
        if item.attempt.state == "queued":
            return datetime.now(UTC) - item.attempt.created_at > YOUNG
        return item.holder is None or item.left < self._seconds / 2 or self._is_round()

    def _is_round(self) -> bool:
        return time.monotonic() - self._asked > ROUND

    async def _ended(
        self, doubtful: Iterable[Watched], flow_runs: dict[str, str]
    ) -> list[tuple[Attempt, str]]:
        """Those whose runs Prefect shows as ended while the ledger has them at work."""
        asked = {run: item for item in doubtful if (run := _run_of(item.attempt, flow_runs)) is not None}
        if not asked:
            return []
        if self._is_round():
            self._asked = time.monotonic()
        shown = await _shown(list(asked))
        dead = []
        for run, item in asked.items():
            if shown is None or (why := _end(shown.get(run), item.attempt)) is None:
                continue
            now = await attempt_of(self._opened.database, item.attempt.id)
            if now is not None and now.state == item.attempt.state:  # it may have ended meanwhile
                if item.holder is not None:
                    await bury(self._opened.database, item.holder.id, why)
                dead.append((item.attempt, why))
        return dead


def _run_of(attempt: Attempt, flow_runs: dict[str, str]) -> str | None:
    return attempt.flow_run or flow_runs.get(attempt.id)


async def _shown(runs: list[str]) -> dict[str, FlowRun] | None:
    """The flow runs by id; None while Prefect does not answer."""
    found: dict[str, FlowRun] = {}
    try:
        async with get_client() as client:
            for start in range(0, len(runs), MOST_ASKED):
                ids = [UUID(run) for run in runs[start : start + MOST_ASKED]]
                for run in await client.read_flow_runs(
                    flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=ids)), limit=MOST_ASKED
                ):
                    found[str(run.id)] = run
    except httpx.HTTPError:
        return None  # the API is away; the next look may tell
    return found


def _end(run: FlowRun | None, attempt: Attempt) -> str | None:
    """How Prefect shows that the run is over, or that it goes on without ever claiming its attempt."""
    if run is None:
        return "its flow run was deleted from Prefect"
    if run.state is None:
        return None
    if run.state.is_final():
        message = f": {run.state.message}" if run.state.message else ""
        return f"its flow run ended as {run.state.name}{message}"
    if attempt.state == "queued" and run.state.is_running():
        idle = datetime.now(UTC) - run.state.timestamp
        if idle > UNCLAIMED:
            return f"its flow run has been running for {idle.total_seconds():.0f} s without beginning"
    return None
