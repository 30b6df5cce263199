"""Work that goes on beside the gateway, and ends with it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from blocks.errors import SomaError

logger = logging.getLogger("soma.gateway")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do the work for as long as the caller is inside; it is cancelled, and has ended, when this is left."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Trials:
    """Does work whose failure must not end what goes on; the same trouble is told once, not at each try."""

    def __init__(self, trouble: str) -> None:
        self._trouble = trouble
        """What a failure means for people, as the beginning of a line: `notices wait`."""
        self._told = ""

    async def attempt(self, work: Callable[[], Awaitable[Any]]) -> bool:
        """Do it once; False when it failed, which is in the log then."""
        try:
            await work()
        except SomaError as error:
            if error.message != self._told:  # Prefect or the database may be away for long
                logger.warning("%s: %s", self._trouble, error.message)
            self._told = error.message
            return False
        except Exception:
            logger.exception("%s", self._trouble)
            return False
        self._told = ""
        return True


async def every(seconds: float, work: Callable[[], Awaitable[Any]], trouble: str) -> None:
    """Do the work, and again `seconds` after each end, for ever; a failure is told and tried again."""
    trials = Trials(trouble)
    while True:
        await trials.attempt(work)
        await asyncio.sleep(seconds)
