"""A hub inside of one command: started for it, stopped with it."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from blocks.settings import Settings
from ui.supervisor.hub import Hub

STOP_SECONDS = 15.0


class EmbeddedHub:
    """Runs the supervisor on an event loop in a thread of its own; the command keeps the main thread."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._console = console
        self._loop = asyncio.new_event_loop()
        # The children are tied to the thread that starts them, and this one ends with the process.
        self._thread = threading.Thread(target=self._loop.run_forever, name="hub", daemon=True)
        self._settings = settings
        self._hub: Hub | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        starting = self._call(self._start())
        try:
            with self._console.status("starting the hub, its database and Prefect (about half a minute) …"):
                starting.result()
        except BaseException:
            starting.cancel()
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def _start(self) -> None:
        self._hub = Hub(self._settings, None, quiet=True)
        await self._hub.start()

    async def _stop(self) -> None:
        if self._hub:
            await self._hub.stop()

    def _end(self) -> None:
        stopping = self._call(self._stop())
        with suppress(Late), self._console.status("stopping the hub …"):
            stopping.result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2)

    def _call(self, work: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)
