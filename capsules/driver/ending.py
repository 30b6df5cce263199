"""Ending what is at work for a project: told first and given time, then left with nothing to record."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

from blocks.driver_runs import Drivers
from blocks.errors import Unavailable
from capsules.driver.work import Work

AT_ONCE = 8
"""How many runs Prefect is told of at once."""
LOOK = 0.3
"""Seconds between looks for runs that have ended."""
STUCK = 71
"""The exit status of a driver whose inline runs did not stop when they were told to."""
LAST_WORD = 20.0
"""Seconds that such a driver has to tell Prefect how its project ended."""


async def end_work(
    work: Work, prefect: Drivers, reason: str, *, spared: Callable[[str], bool], seconds: float
) -> int:
    """Stop the project's runs but those of the nodes that are spared; how many inline ones did not obey.

    Inline runs are cancelled; for runs in processes and pods Prefect is told, and their workers end them.
    This returns when all have ended, or after `seconds`. What they record until then counts.
    """
    inline = [task for task, attempt in work.inline.items() if not spared(attempt.node)]
    for task in inline:
        task.cancel(reason)
    theirs = [attempt for attempt in work.deployed if not spared(work.nodes[attempt].id)]
    runs = {work.deployed[attempt] for attempt in theirs}
    await _tell(prefect, runs, reason)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive = [task for task in inline if not task.done()]
        runs = await _unfinished(prefect, runs)
        if not alive and not runs:
            break
        await asyncio.wait(alive, timeout=LOOK) if alive else await asyncio.sleep(LOOK)
    for attempt in theirs:
        work.forget(attempt)
    for task in inline:
        work.inline.pop(task, None)
    return sum(not task.done() for task in inline)


async def _tell(prefect: Drivers, runs: set[str], reason: str) -> None:
    """Have the workers of these runs end them; those that no worker has yet are cancelled at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def tell(run: str) -> None:
        async with places:
            try:
                await prefect.set_state(f"flow_runs/{run}", "CANCELLING", reason)
            except Unavailable:
                return  # their attempts are closed all the same; the reconciler finds what is left

    await asyncio.gather(*map(tell, runs))


async def _unfinished(prefect: Drivers, runs: set[str]) -> set[str]:
    if not runs:
        return set()
    states = {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]}}
    query = {"flow_runs": {"id": {"any_": list(runs)}, "state": states}, "limit": len(runs)}
    try:
        return {str(run["id"]) for run in await prefect.read("flow_runs/filter", query)}
    except Unavailable:
        return runs


def end_this_process() -> None:
    """End the process a little later, whatever goes on in it: a run that does not stop may not keep it."""

    def end() -> None:
        time.sleep(LAST_WORD)
        os._exit(STUCK)

    threading.Thread(target=end, daemon=True, name="end-of-a-stuck-driver").start()
