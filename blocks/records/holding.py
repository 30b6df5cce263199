"""Holding a lease: a thread renews it, whatever the program's own event loop is busy with."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import asyncpg

from blocks.errors import StaleAttempt, Unavailable
from blocks.records.database import Database
from blocks.records.leases import RENEW, add_holder, here, remove_holder
from blocks.records.tables import Holder, new_id

RENEWALS = 3
"""How often a lease is renewed in the time that it lasts."""
RETRY = 0.5
"""Seconds until the next try when the database did not answer."""
LAST_WORD = 15.0
"""Seconds that a program which has lost its lease may take to stop by itself."""
PATIENCE = 60.0
"""Seconds that an effect waits for the database to say that this process is alive."""
OWN_RUN = "PREFECT__FLOW_RUN_ID"
"""In the environment of a process that a worker has started: the flow run that it was started for."""
STOPPED = 70
"""The exit status of a process that was told to stop and did not."""


class Lease:
    """The lease of this process for one piece of work; it is taken when it is first needed."""

    def __init__(self, database: Database, seconds: float) -> None:
        self.id = new_id("hld")
        self.lost = False
        """Whether the process was declared dead: it must stop, and what it writes is refused."""
        self._database = database
        self._seconds = seconds
        self._taken = asyncio.Lock()
        self._keeper: _Keeper | None = None

    async def take(self, kind: str, flow_run: str | None) -> str:
        """Enter this process among the living and keep it there; its id as a holder.

        `flow_run` is for a process that was not started for a flow run: else it is known by that one, and
        what it runs inside of it lives and dies with it.
        """
        async with self._taken:
            if self._keeper is None:
                begun = time.monotonic()
                flow_run = os.environ.get(OWN_RUN) or flow_run
                holder = Holder(id=self.id, kind=kind, flow_run=flow_run, host=here(), pid=os.getpid())
                await add_holder(self._database, holder, self._seconds)
                self._keeper = _Keeper(self._database.url, self.id, self._seconds, begun, self._stop())
                self._keeper.start()
        return self.id

    def sure(self) -> bool:
        """Whether the lease is certainly not over yet, as far as this can be told without asking."""
        return self._keeper is None or self._keeper.sure()

    def assure(self) -> None:
        """Return when this process is certainly alive; `StaleAttempt` when it was declared dead."""
        if self._keeper is not None and not self._keeper.sure():
            self._keeper.ask()

    async def release(self) -> None:
        """End the lease: the work is done, and nobody has to look after it."""
        if self._keeper is None:
            return
        self._keeper.stop()
        with contextlib.suppress(Unavailable):  # it runs out by itself
            await remove_holder(self._database, self.id)

    def _stop(self) -> Callable[[], None]:
        """What stops the task that takes the lease, from another thread."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            self.lost = True
            if task is not None and not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

        return stop


class _Keeper(threading.Thread):
    """Renews one lease from an event loop and a connection of its own."""

    def __init__(
        self, url: str, holder: str, seconds: float, begun: float, on_loss: Callable[[], None]
    ) -> None:
        super().__init__(name="soma-lease", daemon=True)
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._holder, self._seconds, self._on_loss = holder, seconds, on_loss
        self._good_until = begun + seconds
        self._changed = threading.Condition()
        self._asked = self._stopped = self._lost = False
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def sure(self) -> bool:
        return not self._lost and time.monotonic() < self._good_until

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def ask(self) -> None:
        """Have the lease renewed now and wait for the answer."""
        with self._changed:
            self._asked = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._lost or self._stopped or self.sure(), PATIENCE)
        if self._lost:
            raise StaleAttempt("this process was declared dead while it did not answer; it does nothing more")
        if not self.sure():
            raise Unavailable("the database does not say whether this process still has its work; try again")

    def run(self) -> None:
        with asyncio.Runner() as runner:
            while self._wait(RETRY if self.overdue else self._seconds / RENEWALS):
                runner.run(self._renew())
                if self._lost:
                    self._give_in()
                    break
            runner.run(self._close())

    @property
    def overdue(self) -> bool:
        return self._connection is None and time.monotonic() > self._good_until - self._seconds / 2

    def _wait(self, pause: float) -> bool:
        """Sleep until it is time, or asked for; False when the lease is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._asked or self._stopped, pause)
            self._asked = False
            return not self._stopped

    async def _renew(self) -> None:
        begun, limit = time.monotonic(), max(self._seconds / RENEWALS, 1.0)
        try:
            if self._connection is None:
                self._connection = await asyncpg.connect(self._url, timeout=limit)
            found = await self._connection.fetchval(RENEW, self._holder, self._seconds, timeout=limit)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._close()
            return
        with self._changed:
            if found is None:
                self._lost = True
            else:
                self._good_until = begun + self._seconds
            self._changed.notify_all()

    def _give_in(self) -> None:
        """Stop the work; a program that goes on all the same is ended if it is one run's own process."""
        if self._stopped:
            return
        self._on_loss()
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, LAST_WORD)
        if self._working() and os.environ.get(OWN_RUN):
            os._exit(STOPPED)

    def _working(self) -> bool:
        return not self._stopped

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


present: ContextVar[Lease | None] = ContextVar("soma_lease", default=None)
"""The lease under which this task works."""


def assure() -> None:
    """Return when this process certainly has its work still; `StaleAttempt` when others were given it.

    It costs nothing while the lease is known to be good, and asks the database when the process was asleep.
    """
    lease = present.get()
    if lease is not None:
        lease.assure()


async def assured() -> None:
    """The same where an event loop is not to be blocked."""
    lease = present.get()
    if lease is not None and not lease.sure():
        await asyncio.to_thread(lease.assure)


@asynccontextmanager
async def holding(database: Database, seconds: float) -> AsyncIterator[Lease]:
    """A lease for what is done inside; work that is stopped because it was lost ends as `StaleAttempt`."""
    lease = Lease(database, seconds)
    token = present.set(lease)
    try:
        yield lease
    except asyncio.CancelledError:
        if not lease.lost:
            raise
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        raise StaleAttempt(
            "this process was declared dead because it did not answer in time; others do its work now"
        ) from None
    finally:
        present.reset(token)
        await lease.release()
