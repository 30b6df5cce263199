"""Reconciling: what the ledger, the leases and Prefect say is made to agree, and no project is left alone.

Any number of reconcilers may look at once: one does the work, and all that it does may be done twice.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from blocks.budgets.settling import settle_orphans
from blocks.dead_runs import ended_runs, mark_dead
from blocks.driver_runs import Drivers
from blocks.driver_wishes import heed_dead_driver, heed_paused_projects, resume_driver
from blocks.errors import Unavailable
from blocks.records.control import cancel_overdue
from blocks.records.database import Database
from blocks.records.leases import (
    bury,
    death_of,
    dying_holders,
    forget,
    living_holders,
    lost_holders,
    orphaned_attempts,
)
from blocks.records.ledger import MOST_LOSSES, give_up_attempt
from blocks.records.looking import count_ended
from blocks.records.projects import undriven_projects
from blocks.records.tables import Holder, Project
from blocks.unclaimed_runs import UnclaimedRuns

logger = logging.getLogger("soma.reconciler")

WINDOW = 15
"""Seconds within which one project is given one new driver run at most."""
SWEEP = 10.0
"""Seconds between two looks for runs that nobody began."""
REMEMBERED = 60.0
"""Seconds for which a dead process is looked after: Prefect records what its tasks did with some delay."""


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """What one look has led to."""

    dead: dict[str, str] = field(default_factory=dict)
    """The processes that were found dead, each with how that is known."""
    closed: list[str] = field(default_factory=list)
    """The flow runs and task runs that Prefect was told to be over."""
    driven: dict[str, str] = field(default_factory=dict)
    """The projects that got a new driver, each with its flow run."""


class Reconciler:
    """Looks again and again; between two looks it remembers only what saves work."""

    def __init__(self, database: Database, prefect: Drivers, *, lease_seconds: float) -> None:
        self._database = database
        self._prefect = prefect
        self._seconds = lease_seconds
        self._told: set[str] = set()
        self._unclaimed = UnclaimedRuns(database, prefect)
        self._swept = -SWEEP

    async def look(self) -> Reconciled:
        """Find dead processes, tell Prefect, and give undriven projects a driver.

        Nothing is done while another reconciler is at it. `Unavailable` when PostgreSQL or Prefect is away;
        the next look goes on from there.
        """
        async with self._database.lock("reconciler") as alone:
            if not alone:
                return Reconciled()
            dead = await self._bury()
            await self._give_up()
            await settle_orphans(self._database)
            await cancel_overdue(self._database)
            await heed_paused_projects(self._database, self._prefect)
            closed = await self._tell() + await self._sweep()
            return Reconciled(dead=dead, closed=closed, driven=await self._drive())

    async def _bury(self) -> dict[str, str]:
        """Declare dead what is gone from this machine, has not renewed its lease, or has ended in Prefect."""
        dead: dict[str, str] = {}
        for holder, left in await dying_holders(self._database, self._seconds):
            why = death_of(holder, left)
            if why and await bury(
                self._database, holder.id, why, if_over=None if left is None else self._seconds
            ):
                dead[holder.id] = why
        living = {holder.flow_run: holder for holder in await living_holders(self._database)}
        for run, why in (await ended_runs(self._prefect, [run for run in living if run])).items():
            await bury(self._database, living[run].id, why)
            dead[living[run].id] = why
        for name, why in dead.items():
            logger.warning("process %s was found dead: %s", name, why)
        return dead

    async def _give_up(self) -> None:
        """Let no node show as running whose process is dead and whose driver is not there to say so."""
        for attempt, why in await orphaned_attempts(self._database):
            lost = await count_ended(self._database, attempt, "lost")
            await give_up_attempt(self._database, attempt.id, why, again=lost < MOST_LOSSES)

    async def _sweep(self) -> list[str]:
        """Now and then, look for runs that nobody began."""
        if time.monotonic() - self._swept < SWEEP:
            return []
        self._swept = time.monotonic()
        return await self._unclaimed.look()

    async def _tell(self) -> list[str]:
        """Close in Prefect what died with processes, and forget those of which all is told."""
        closed: list[str] = []
        done: list[str] = []
        for holder, since in await lost_holders(self._database):
            over = since > REMEMBERED or holder.flow_run is None
            try:
                if over or holder.id not in self._told:
                    closed += await self._close(holder)
            except Unavailable as error:
                logger.warning("what died with process %s is not closed yet: %s", holder.id, error.message)
                continue
            if over:
                done.append(holder.id)
        self._told -= set(done)
        if done:
            await forget(self._database, done)
        return closed

    async def _close(self, holder: Holder) -> list[str]:
        closed = []
        if holder.flow_run is not None:
            closed = await mark_dead(self._prefect, holder.flow_run, holder.lost or "its process died")
        self._told.add(holder.id)
        return closed

    async def _drive(self) -> dict[str, str]:
        """Start a driver for each project that should have one and for which none is on its way."""
        undriven = {project.id: project for project in await undriven_projects(self._database)}
        coming = await self._prefect.unfinished(list(undriven))
        driven = {}
        for project in undriven.values():
            runs = coming.get(project.id, [])
            if any(run["state_type"] != "PAUSED" for run in runs):
                continue
            try:
                driven[project.id] = await self._start(project, runs)
            except Unavailable as error:
                logger.warning(
                    "project %s has no driver, and none can be started: %s", project.id, error.message
                )
        return driven

    async def _start(self, project: Project, runs: list[dict[str, Any]]) -> str:
        """A driver for a project without one: its paused run resumed, or a new run; its id."""
        await heed_dead_driver(self._database, self._prefect, project, runs)
        key = f"{project.fence}-{int(time.time() // WINDOW)}"
        run = await resume_driver(self._prefect, runs) or await self._prefect.start(project.id, key)
        logger.info("project %s had no driver; flow run %s drives it now", project.id, run)
        return run
