"""The reconciler beside the gateway: from its start on, no project stays without a driver."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.errors import SomaError
from blocks.reconciling import Reconciler
from blocks.records.tending import tend_approvals
from ui.gateway.background import beside
from ui.gateway.hub import Hub

logger = logging.getLogger("soma.gateway")

EVERY = 3.0
"""Seconds between two looks."""


@asynccontextmanager
async def reconciling(hub: Hub) -> AsyncIterator[None]:
    """Look after dead processes and undriven projects for as long as the caller is inside."""
    async with beside(_for_ever(hub)):
        yield


async def _for_ever(hub: Hub) -> None:
    reconciler = Reconciler(hub.database, hub.drivers, lease_seconds=hub.settings.lease_seconds)
    while True:
        try:
            await tend_approvals(hub.database)
            await reconciler.look()
        except SomaError as error:
            logger.warning("dead runs could not be looked for: %s", error.message)
        except Exception:
            logger.exception("dead runs could not be looked for")
        await asyncio.sleep(EVERY)
