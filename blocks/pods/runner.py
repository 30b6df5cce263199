"""The first process of a pod: it has one flow run done in a child, and tells Prefect what that cannot tell.

It stays small and does not load Prefect, so that the kernel, when memory runs short, ends the run and not
the one who can say so.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from blocks.driver_runs import Drivers
from blocks.engines.child import die_with_parent
from blocks.errors import Unavailable
from blocks.pods.memory import was_short
from blocks.prefect_api import ENDED
from blocks.settings import Settings
from blocks.warm_worker.exits import describe_exit
from blocks.warm_worker.runs import CANCEL_SIGNAL

LOOK = 2.0
"""Seconds between two questions to Prefect whether the run is being cancelled."""
STEP = 0.1
PATIENCE = 60.0
"""Seconds for which Prefect may be away when the run begins, and when its end is told."""
CANCELLED = "Cancelled in its pod."
EVICTED = "its pod was ended by the cluster"


class Runner:
    """Has one flow run done, once."""

    def __init__(self, run: str, settings: Settings, prefect: Drivers) -> None:
        self.run = run
        self.settings = settings
        self.prefect = prefect
        self._evicted = False
        self._kill_at: float | None = None

    async def begin(self) -> str | None:
        """Why there is nothing to do in this pod; None when the run is to be done here.

        Kubernetes replaces a pod that was deleted. The run has died with it, and the hub starts another.
        """
        state = await self._patiently(self._state)
        if state in ENDED:
            return f"flow run {self.run} has ended already ({state.lower()})"
        if state == "RUNNING":
            return f"flow run {self.run} was begun by an earlier pod; what died there is done anew by the hub"
        if state == "CANCELLING":
            await self._patiently(lambda: self._set("CANCELLED", CANCELLED))
            return f"flow run {self.run} was cancelled before it began"
        return None

    async def watch(self, child: int) -> int:
        """Return the child's exit status once it has ended; end it when the run is cancelled or we are."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave, child)
        next_look = time.monotonic() + LOOK
        while (status := _ended(child)) is None:
            await asyncio.sleep(STEP)
            if time.monotonic() > next_look:
                next_look = time.monotonic() + LOOK
                await self._look(child)
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                _signal(child, signal.SIGKILL)
        return status

    async def conclude(self, status: int) -> None:
        """Tell Prefect how the run ended, if its process could not."""
        state = await self._patiently(self._state)
        if state == "CANCELLING":
            await self._patiently(lambda: self._set("CANCELLED", CANCELLED))
        elif state not in ENDED and (status or self._evicted):
            reason = EVICTED if self._evicted else was_short() or describe_exit(status)
            await self._patiently(lambda: self._set("CRASHED", reason))

    def _leave(self, child: int) -> None:
        """The pod is to end: so is the run, which shows as crashed and is done anew elsewhere."""
        self._evicted = True
        self._stop(child)

    async def _look(self, child: int) -> None:
        with contextlib.suppress(Unavailable):
            if self._kill_at is None and await self._state() == "CANCELLING":
                _signal(child, CANCEL_SIGNAL)
                self._stop(child)

    def _stop(self, child: int) -> None:
        _signal(child, signal.SIGTERM)
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self.settings.cancel_grace_seconds

    async def _state(self) -> str:
        return str((await self.prefect.get(f"flow_runs/{self.run}")).get("state_type"))

    async def _set(self, kind: str, message: str) -> bool:
        return await self.prefect.set_state(f"flow_runs/{self.run}", kind, message)

    async def _patiently(self, ask: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await ask()
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1)


def start(run: str, still: Callable[[], str | None]) -> int:
    """Fork the process that does the run, unless `still` then says why it is not to be done; its id."""
    sys.stdout.flush()
    parent = os.getpid()
    if child := os.fork():
        return child
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Prefect takes seconds and a hundred megabytes to import, which only this process needs. Meanwhile the
    # run may have been given up, with the pod that this one replaces.
    from blocks.warm_worker.run import run_in_child  # noqa: PLC0415

    if (why := still()) is not None:
        print(why, flush=True)  # noqa: T201
        os._exit(0)
    os._exit(run_in_child({"run": run}))


def _ended(child: int) -> int | None:
    """The exit status of the child as Python has it: negative for a signal; None while it works."""
    found, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _signal(child: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
