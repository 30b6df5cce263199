"""Records that outlast a restart of PostgreSQL: work is done again until the database answers."""

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from blocks.errors import Unavailable
from blocks.records.database import Database

P = ParamSpec("P")
R = TypeVar("R")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0


def patient(
    work: Callable[Concatenate[Database, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Database, P], Coroutine[Any, Any, R]]:
    """Repeats the work while the database is away, for as long as that database is given patience.

    The work is one transaction, and harmless to repeat when it was committed but nobody was told so.
    """

    @functools.wraps(work)
    async def repeated(database: Database, /, *args: P.args, **kwargs: P.kwargs) -> R:
        deadline, pause = time.monotonic() + database.patience, FIRST_PAUSE
        while True:
            try:
                return await work(database, *args, **kwargs)
            except Unavailable:
                if time.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    return repeated
