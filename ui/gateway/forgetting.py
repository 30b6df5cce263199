"""Sessions that nobody has worked on for long are forgotten, beside the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from blocks.records.sessions import forget_sessions
from ui.gateway.background import beside, every
from ui.gateway.hub import Hub

EVERY = 3600.0
"""Seconds between two looks; what has expired is never shown, it only takes room until then."""


@asynccontextmanager
async def forgetting(hub: Hub) -> AsyncIterator[None]:
    """Do so for as long as the caller is inside."""
    async with beside(every(EVERY, partial(forget_sessions, hub.database), "old sessions are still kept")):
        yield
