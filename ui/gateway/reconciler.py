"""The reconciler: gives every running project that has lost its driver another one, by itself."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.errors import SomaError
from blocks.records.projects import undriven_projects
from blocks.records.tending import tend_approvals
from ui.gateway.background import beside
from ui.gateway.hub import Hub

logger = logging.getLogger("soma.gateway")

EVERY = 5.0
"""Seconds between two looks."""
WINDOW = 20
"""Seconds within which one project is given one new driver at most: a run needs some to start."""


@asynccontextmanager
async def reconciling(hub: Hub) -> AsyncIterator[None]:
    """Look after undriven projects for as long as the caller is inside."""
    async with beside(_for_ever(hub)):
        yield


async def _for_ever(hub: Hub) -> None:
    while True:
        try:
            await reconcile(hub)
        except SomaError as error:
            logger.warning("undriven projects could not be looked for: %s", error.message)
        except Exception:
            logger.exception("undriven projects could not be looked for")
        await asyncio.sleep(EVERY)


async def reconcile(hub: Hub) -> list[str]:
    """Close overdue approvals and start a driver for each undriven project; return their ids."""
    await tend_approvals(hub.database)
    undriven = await undriven_projects(hub.database)
    for project in undriven:
        run = await hub.drivers.start(project.id, f"{project.fence}-{int(time.time() // WINDOW)}")
        logger.info("project %s had lost its driver; flow run %s drives it now", project.id, run)
    return [project.id for project in undriven]
