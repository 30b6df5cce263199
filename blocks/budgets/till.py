"""Where a process charges its budgets, from any thread and any event loop.

It works in a thread and on an event loop of its own, as the audit log does, so that sync code can wait for a
charge as well. Nothing of it exists before the first charge.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

from blocks.errors import Unavailable
from blocks.records.database import Database

R = TypeVar("R")
AT_ONCE = 4
"""How many charges of one process are under way at once; each takes a connection."""


class Till:
    """Does the work of charging for whoever asks, as futures."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._open = database
        self._reset()
        _open_tills.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def charge(self, work: Callable[[Database], Awaitable[R]]) -> Future[R]:
        """The outcome of the work, which goes on when nobody waits for it any more."""
        return asyncio.run_coroutine_threadsafe(self._in_turn(work), self._running())

    async def close(self) -> None:
        """End it once all that is under way is done."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._closed, self._loop = True, None
        if loop is not None and thread is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._finish(), loop))
            loop.call_soon_threadsafe(loop.stop)
            await asyncio.to_thread(thread.join)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise Unavailable("nothing can be charged any more: the run is at its end")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, name="soma-till", daemon=True)
                self._thread.start()
            return self._loop

    def _run(self) -> None:
        loop = self._loop
        if loop is None:
            return
        asyncio.set_event_loop(loop)
        self._database, self._places = self._open(), asyncio.Semaphore(AT_ONCE)
        try:
            loop.run_forever()
        finally:
            loop.close()

    async def _in_turn(self, work: Callable[[Database], Awaitable[R]]) -> R:
        async with self._places:
            return await work(self._database)

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await self._database.close()


_open_tills: "weakref.WeakSet[Till]" = weakref.WeakSet()


def _forget_parent() -> None:
    for till in list(_open_tills):
        till._reset()  # noqa: SLF001  # the parent's thread, loop and connections are the parent's


os.register_at_fork(after_in_child=_forget_parent)
