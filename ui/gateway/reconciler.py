"""The reconciler beside the gateway: from its start on, no project stays without a driver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from blocks.reconciling import Reconciler
from blocks.records.tending import tend_approvals
from ui.gateway.background import beside, every
from ui.gateway.hub import Hub

EVERY = 3.0
"""Seconds between two looks."""


@asynccontextmanager
async def reconciling(hub: Hub) -> AsyncIterator[None]:
    """Look after dead processes and undriven projects for as long as the caller is inside."""
    reconciler = Reconciler(hub.database, hub.drivers, lease_seconds=hub.settings.lease_seconds)
    work = partial(_look, hub, reconciler)
    async with beside(every(EVERY, work, "dead runs could not be looked for")):
        yield


async def _look(hub: Hub, reconciler: Reconciler) -> None:
    await tend_approvals(hub.database)
    await reconciler.look()
