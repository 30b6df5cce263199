"""Signs the ends of the audit chains while the gateway is up, and once more when it ends."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.errors import SomaError
from blocks.keys import SigningKey
from blocks.records.audit_heads import sign_end, tenants_to_sign
from ui.gateway.background import beside
from ui.gateway.hub import Hub

logger = logging.getLogger("soma.gateway")

EVERY = 30.0
"""Seconds after which what is new is signed."""
MANY = 1_000
"""So many new records are signed at once."""
LOOK = 5.0
"""Seconds between two looks at how many there are."""


@asynccontextmanager
async def signing_heads(hub: Hub) -> AsyncIterator[None]:
    """Sign for as long as the caller is inside; what is left is signed at the end."""
    key = SigningKey.ensure(hub.settings.keys_path)
    try:
        async with beside(_for_ever(hub, key)):
            yield
    finally:
        await _sign(hub, key, 1)


async def _for_ever(hub: Hub, key: SigningKey) -> None:
    due = 0.0
    while True:
        if time.monotonic() >= due:
            await _sign(hub, key, 1)
            due = time.monotonic() + EVERY
        else:
            await _sign(hub, key, MANY)
        await asyncio.sleep(LOOK)


async def _sign(hub: Hub, key: SigningKey, at_least: int) -> None:
    try:
        await hub.audit.flush()
        for tenant in await tenants_to_sign(hub.database, at_least):
            await sign_end(hub.database, key, tenant)
    except SomaError as error:
        logger.error("the audit log was not signed: %s", error.message)  # noqa: TRY400  # the reader's matter
    except Exception:
        logger.exception("the audit log was not signed")
