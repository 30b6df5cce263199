"""Listening to the bus: messages become deliveries of the triggers that are for them."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from blocks.errors import SomaError
from blocks.records.triggers import tenants_with
from blocks.triggers import bus
from blocks.triggers.fanning import deliver_event
from capsules.answers import check_answers
from ui.gateway.background import beside
from ui.gateway.hub import Hub

LOOK = 5.0
"""Seconds between two looks whether any trigger is for the bus."""
logger = logging.getLogger("soma.gateway")


@asynccontextmanager
async def listening(hub: Hub, redis: Redis, wake: Callable[[], None]) -> AsyncIterator[None]:
    """Listen for as long as the caller is inside; `wake` is called after each batch."""
    async with beside(_for_ever(hub, redis, wake)):
        yield


async def _for_ever(hub: Hub, redis: Redis, wake: Callable[[], None]) -> None:
    while True:
        try:
            await _in_turn(hub, redis, wake)
        except (SomaError, RedisError, OSError) as error:
            logger.debug("the bus cannot be listened to: %s", error)
        except Exception:
            logger.exception("a message of the bus could not be taken in")
        await asyncio.sleep(LOOK)


async def _in_turn(hub: Hub, redis: Redis, wake: Callable[[], None]) -> None:
    """Read until no trigger is for the bus any more; each tenant gets its turn."""
    reader = f"{socket.gethostname()}:{os.getpid()}"
    while tenants := await tenants_with(hub.database, "bus"):
        for tenant in tenants:
            if await bus.read(redis, tenant, reader, partial(_take, hub, tenant), wait=2000 // len(tenants)):
                wake()


async def _take(hub: Hub, tenant: str, place: str, event: dict[str, Any]) -> None:
    async with hub.database.session() as session:
        await deliver_event(session, "bus", tenant, f"bus:{place}", event, check=check_answers)
