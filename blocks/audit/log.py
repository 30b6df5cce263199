"""The record of all that is audited: queued without I/O, stored in batches, durable on demand.

The log stores from a thread and an event loop of its own. So a decision can be made durable from sync
code, from any loop and from a loop whose thread is blocked, and nothing can wait for itself. The sink
therefore runs on that loop only: give it a database of its own, never one that another loop uses.
"""

import asyncio
import atexit
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from itertools import islice
from typing import TYPE_CHECKING, Any

from blocks.audit.decided import Decided
from blocks.audit.entries import Kind, entry
from blocks.constitution.decisions import Action, Decision
from blocks.errors import Unavailable

if TYPE_CHECKING:
    from blocks.context import RunContext

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Sink = Callable[[list[Row]], Awaitable[None]]

INTERVAL = 0.25
"""Seconds that rows may wait for company before they are stored."""
BATCH = 500
MOST_WAITING = 100_000
"""With more rows than this waiting, nothing more is decided: what cannot be recorded is not allowed."""
PATIENCE = 2.0
"""Seconds until the next try when the sink failed and nobody waits for it."""
LAST_CALL = 5.0
"""Seconds that the end of the process waits for rows that nobody flushed."""


class AuditLog:
    """Takes records at once and hands them to the sink in order; one leaves only once it is stored."""

    def __init__(self, sink: Sink, *, at_end: Callable[[], Awaitable[None]] | None = None) -> None:
        self._sink = sink
        self._at_end = at_end
        self._reset()
        _open_logs.add(self)

    def _reset(self) -> None:
        self._rows: deque[Row | Decided] = deque()
        self._recorded = 0
        self._stored = 0
        self._barriers: list[tuple[int, Future[None]]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._gave_up = False

    def record(
        self,
        decision: Decision,
        context: "RunContext",
        arguments: Mapping[str, Any],
        action: Action | None = None,
        **extra: Any,
    ) -> None:
        """Queues the decision as it is now; raises `Unavailable` when it could not be kept.

        Of the action, those facts are recorded that may be kept; `extra` are further fields of the record.
        """
        self._queue(Decided(decision, context, arguments, action, extra))

    def note(self, kind: Kind, tenant: str, **body: Any) -> str:
        """Queues a record of another kind and returns its id; raises `Unavailable` as `record` does."""
        record = entry(kind, tenant, **body)
        self._queue(record)
        return str(record["id"])

    def _queue(self, row: Row | Decided) -> None:
        with self._changed:
            if self._closed or len(self._rows) >= MOST_WAITING:
                state = "closed" if self._closed else "full, its database does not answer"
                raise Unavailable(f"the audit log is {state}: nothing more can be decided")
            self._rows.append(row)
            self._recorded += 1
            if len(self._rows) == 1:  # the thread sleeps only while there is nothing to store
                self._started().notify_all()

    async def flush(self) -> None:
        """Returns when all that was recorded before the call is stored, or raises the sink's error."""
        await asyncio.wrap_future(self.barrier())

    def flush_blocking(self, seconds: float | None = None) -> None:
        """The same barrier for sync code."""
        self.barrier().result(seconds)

    async def close(self) -> None:
        """Stores what is left and ends the log; raises the sink's error when that is not possible."""
        if self._closed:
            return
        try:
            await self.flush()
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            if self._thread:
                await asyncio.to_thread(self._thread.join)

    @property
    def waiting(self) -> int:
        """How many decisions are recorded and not yet stored."""
        return len(self._rows)

    def barrier(self) -> Future[None]:
        """What `flush` waits for."""
        done: Future[None] = Future()
        with self._changed:
            if self._stored >= self._recorded:
                done.set_result(None)
            elif self._gave_up:
                done.set_exception(Unavailable(f"{len(self._rows)} decisions could not be recorded"))
            else:
                self._barriers.append((self._recorded, done))
                self._started().notify_all()
        return done

    def _started(self) -> threading.Condition:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="soma-audit", daemon=True)
            self._thread.start()
        return self._changed

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while self._has_work():
                self._store(runner)
            if self._at_end:
                runner.run(_awaited(self._at_end()))

    def _has_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self._closed)
            if not self._closed:
                self._changed.wait_for(lambda: self._barriers or self._closed, INTERVAL)
            return bool(self._rows) and not self._gave_up

    def _store(self, runner: asyncio.Runner) -> None:
        waiting = list(islice(self._rows, BATCH))  # others add to the queue meanwhile
        try:
            batch = [row.record() if isinstance(row, Decided) else row for row in waiting]
            runner.run(_awaited(self._sink(batch)))
        except Exception as error:  # noqa: BLE001  # whatever is raised, the rows stay
            self._failed(error)
        else:
            self._done(len(waiting))

    def _done(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._rows.popleft()
            self._stored += count
            done = [barrier for target, barrier in self._barriers if target <= self._stored]
            self._barriers = [pair for pair in self._barriers if pair[0] > self._stored]
        for barrier in done:
            _answer(barrier, None)

    def _failed(self, error: Exception) -> None:
        logger.error("%d decisions wait to be recorded: %s", len(self._rows), type(error).__name__)
        with self._changed:
            failed, self._barriers = self._barriers, []
            self._gave_up = self._closed
        for _, barrier in failed:
            _answer(barrier, error)
        with self._changed:
            self._changed.wait_for(lambda: self._barriers or self._closed, PATIENCE)


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _answer(barrier: Future[None], error: Exception | None) -> None:
    if not barrier.set_running_or_notify_cancel():
        return
    if error:
        barrier.set_exception(error)
    else:
        barrier.set_result(None)


_open_logs: "weakref.WeakSet[AuditLog]" = weakref.WeakSet()


def _last_call() -> None:
    for log in list(_open_logs):
        if log.waiting:
            try:
                log.flush_blocking(LAST_CALL)
            except Exception:  # noqa: BLE001  # the process ends all the same; say what was lost
                logger.critical("%d decisions were never recorded", log.waiting)


def _forget_parent() -> None:
    for log in list(_open_logs):
        log._reset()  # noqa: SLF001  # the parent's rows, thread and locks are the parent's


atexit.register(_last_call)
os.register_at_fork(after_in_child=_forget_parent)
