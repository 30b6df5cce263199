"""Tells the worker when to look for runs: when Prefect says that one was scheduled, and now and then."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

STATES = ("Scheduled", "AwaitingRetry", "AwaitingConcurrencySlot", "Late", "Resuming", "Rescheduled")
RETRY_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Wakeups:
    """One event that several sources set."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Look for runs at once."""
        self._event.set()

    def at(self, time: datetime) -> None:
        """Look for runs at `time`."""
        if self._timer:
            self._timer.cancel()
        delay = max(0.0, (time - datetime.now(UTC)).total_seconds())
        self._timer = asyncio.get_running_loop().call_later(delay, self.wake)

    async def wait(self, seconds: float) -> None:
        """Return at the next wake-up, or after `seconds` without one."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()

    async def listen(self) -> None:
        """Wake up at every event of Prefect's server that says a run is to start; until cancelled."""
        names = [f"prefect.flow-run.{state}" for state in STATES]
        wanted = EventFilter(event=EventNameFilter(name=names))
        while True:
            try:
                async with get_events_subscriber(filter=wanted) as events:
                    self.wake()
                    async for _ in events:
                        self.wake()
            except Exception as error:  # noqa: BLE001  # the poll goes on without events
                logger.debug("no events from Prefect: %r", error)
            await asyncio.sleep(RETRY_SECONDS)
