"""Following a project's events as they are recorded, in order, without missing one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

from blocks.records.database import Database
from blocks.records.overview import read_news
from blocks.records.tables import FINAL_PROJECT_STATES, Event, now

PAUSE = 0.2
"""Seconds between two looks."""
BATCH = 1000
SETTLED = timedelta(seconds=5)
"""Two transactions may commit in the other order than their events' ids; after this long none can."""


async def _always() -> bool:
    return True


class Tail:
    """The events of one project after a given one."""

    def __init__(
        self,
        database: Database,
        project: str,
        *,
        tenant: str,
        after: int = 0,
        may_go_on: Callable[[], Awaitable[bool]] = _always,
    ) -> None:
        self._database = database
        self._project = project
        self._tenant = tenant
        self._may_go_on = may_go_on
        self._settled = after
        self._told: set[int] = set()

    async def follow(self) -> AsyncIterator[Event | str]:
        """Every event as it comes; at last the final state, unless the reader may not read on before."""
        while await self._may_go_on():
            state, batch = await read_news(
                self._database, self._project, tenant=self._tenant, after=self._settled, limit=BATCH
            )
            for event in batch:
                if event.id not in self._told:
                    self._told.add(_id(event))
                    yield event
            self._settle(batch)
            if len(batch) == BATCH:
                continue
            if state in FINAL_PROJECT_STATES:
                yield state
                return
            await asyncio.sleep(PAUSE)

    def _settle(self, batch: list[Event]) -> None:
        """Move the mark behind which nothing new can appear."""
        full = len(batch) == BATCH
        old = [_id(event) for event in batch if full or event.at < now() - SETTLED]
        self._settled = max([self._settled, *old])
        self._told = {told for told in self._told if told > self._settled}


def _id(event: Event) -> int:
    assert event.id is not None, "the database numbers events"
    return event.id
