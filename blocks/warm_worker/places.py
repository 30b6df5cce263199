"""How many runs the worker holds at once: drivers, which wait for other runs, are counted apart from these.

Were all counted together, as many drivers as there are places would wait for ever for runs that get none.
"""

import time
from collections.abc import Iterable
from typing import Any, Literal, get_args
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun

Place = Literal["run", "driver"]
"""What a deployment names in its job variable `place`."""
KNOWN_SECONDS = 30.0
"""For how long a deployment's place is taken to be what it was."""


class Places:
    """The places of one worker and who has taken them."""

    def __init__(self, most: dict[Place, int]) -> None:
        self.most = most
        self.taken: dict[UUID, Place] = {}

    @property
    def are_full(self) -> bool:
        """Whether there is no place of any kind."""
        return not any(self.has_room(place) for place in self.most)

    def has_room(self, place: Place) -> bool:
        """Whether another run of this kind may start."""
        return sum(taken == place for taken in self.taken.values()) < self.most[place]

    def take(self, run: UUID, place: Place) -> None:
        """Count the run; one that was started before counts even where there is no room."""
        self.taken[run] = place

    def free(self, run: UUID) -> None:
        """Count the run no longer."""
        self.taken.pop(run, None)


class PlaceNames:
    """Knows which kind of place a run takes: its own job variable, else its deployment's."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[float, Place]] = {}
        """Deployment -> when it was read, and its place."""

    async def of(self, client: PrefectClient, runs: Iterable[FlowRun]) -> dict[UUID, Place]:
        """The place of each run; deployments that are not known yet are read in one call."""
        wanted = list(runs)
        await self._read(client, {run.deployment_id for run in wanted if run.deployment_id})
        return {run.id: self._place(run) for run in wanted}

    async def _read(self, client: PrefectClient, deployments: set[UUID]) -> None:
        now = time.monotonic()
        unknown = [
            name for name in deployments if now - self._known.get(name, (-KNOWN_SECONDS,))[0] >= KNOWN_SECONDS
        ]
        if unknown:
            chosen = DeploymentFilter(id=DeploymentFilterId(any_=unknown))
            for found in await client.read_deployments(deployment_filter=chosen, limit=200):
                self._known[found.id] = (now, place_in(found.job_variables) or "run")

    def _place(self, run: FlowRun) -> Place:
        own = place_in(run.job_variables)
        return own or (self._known[run.deployment_id][1] if run.deployment_id in self._known else "run")


def place_in(variables: dict[str, Any] | None) -> Place | None:
    """The place that job variables name, if they name one that there is."""
    named = (variables or {}).get("place")
    return named if named in get_args(Place) else None
