"""The work of triggers that goes on beside the gateway: from events to deliveries, and from those to runs.

Any number of gateways may do it at once. Each step is taken up again by whoever comes next when the one who
was at it dies, and none has an effect twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from redis.asyncio import Redis

from blocks.errors import SomaError, Unavailable
from blocks.records import deliveries, happenings
from blocks.records.tables import now
from blocks.records.trigger_tables import Delivery
from blocks.records.trigger_work import is_work_left
from blocks.records.triggers import note_deployment, unscheduled
from blocks.triggers.fanning import deliver
from blocks.triggers.prefect_events import event_of
from blocks.triggers.prefect_runs import BlueprintRuns
from capsules.answers import check_answers
from ui.gateway.background import Trials, beside
from ui.gateway.hub import Hub
from ui.gateway.listening import listening

EVERY = 1.5
"""Seconds between two looks for what other processes have left to do."""
MOST_TRIES = 5
"""Runs of one delivery that ended without a launched project; then it has failed."""
PATIENCE = timedelta(hours=24)
"""How long a delivery waits for Prefect to take its run."""


class Triggering:
    """The gateway's part in triggers, and what wakes it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.runs = BlueprintRuns(hub.settings.prefect_api_url)
        self.redis: Redis = Redis.from_url(hub.settings.redis_address, socket_connect_timeout=5)
        self._woken = asyncio.Event()
        self._trials = {
            work: Trials("triggers wait")
            for work in (self.look, self.fan_out, self.start_due, self.tell_prefect, self.align_schedules)
        }

    def wake(self) -> None:
        """Something is there to be done at once."""
        self._woken.set()

    async def keep_on(self) -> None:
        """Do what there is to do, for ever."""
        while True:
            await self._trials[self.look].attempt(self.look)
            try:
                await asyncio.wait_for(self._woken.wait(), EVERY)
            except TimeoutError:
                continue
            self._woken.clear()

    async def look(self) -> None:
        """Do what there is to do now; nothing of it keeps the rest from being done."""
        if await is_work_left(self.hub.database):
            for work in (self.fan_out, self.start_due, self.tell_prefect, self.align_schedules):
                await self._trials[work].attempt(work)

    async def fan_out(self) -> int:
        """Give what happened to the triggers that are for it."""
        return await happenings.fan_out(self.hub.database, partial(deliver, check=check_answers))

    async def start_due(self) -> int:
        """Start a run for each delivery that has none, or whose run ended without a launched project."""
        found = await deliveries.take_due(self.hub.database)
        if found:
            await deliveries.note_launched(self.hub.database)
        for delivery in found:
            await self._see_to(delivery)
        return len(found)

    async def _see_to(self, delivery: Delivery) -> None:
        database = self.hub.database
        delivery, trigger = await deliveries.get_delivery(database, delivery.id)
        if delivery.state != "received":
            return
        if delivery.flow_run is not None:
            ended = await self.runs.has_ended(delivery.flow_run)
            if ended is None:
                return
            if delivery.tries >= MOST_TRIES:
                reason = f"{delivery.tries} runs ended before its project was launched, the last as {ended}"
                await deliveries.end_delivery(database, delivery.id, "failed", reason)
                return
        if trigger.removed_at is not None or not trigger.active:
            reason = "the trigger was removed" if trigger.removed_at else "the trigger is paused"
            await deliveries.end_delivery(database, delivery.id, "refused", reason)
            return
        try:
            run = await self.runs.start(delivery, trigger)
        except SomaError as error:
            if not isinstance(error, Unavailable) or now() - delivery.received_at > PATIENCE:
                await deliveries.end_delivery(database, delivery.id, "failed", error.message)
            raise
        await deliveries.note_run(database, delivery.id, run, tries=delivery.tries + 1)

    async def tell_prefect(self) -> int:
        """Tell Prefect's automations and its UI what happened."""
        found = await happenings.untold(self.hub.database)
        if found:
            await self.runs.tell([event_of(happening, project) for happening, project in found])
            await happenings.forget(self.hub.database, [happening for happening, _ in found])
        return len(found)

    async def align_schedules(self) -> None:
        """Make the schedules that Prefect lacks and remove those of triggers that are gone."""
        for trigger in await unscheduled(self.hub.database):
            if trigger.removed_at is None:
                await note_deployment(self.hub.database, trigger.id, await self.runs.schedule(trigger))
            elif trigger.deployment is not None:
                await self.runs.unschedule(trigger.deployment)
                await note_deployment(self.hub.database, trigger.id, None)


@asynccontextmanager
async def triggering(hub: Hub) -> AsyncIterator[Triggering]:
    """See to triggers for as long as the caller is inside."""
    work = Triggering(hub)
    try:
        async with beside(work.keep_on()), listening(hub, work.redis, work.wake):
            yield work
    finally:
        await work.runs.close()
        await work.redis.aclose()
