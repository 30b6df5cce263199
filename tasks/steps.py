"""Work that waits for futures, written once for sync and async callers: a generator of what it waits for."""

import asyncio
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, TypeVar

R = TypeVar("R")
Steps = Generator["Future[Any]", Any, R]


def at_once(steps: Steps[R]) -> R:
    """Do the work in this thread, which is blocked while it waits."""
    try:
        waits_for = next(steps)
        while True:
            try:
                found = waits_for.result()
            except BaseException as error:  # noqa: BLE001  # the work says what becomes of it
                waits_for = steps.throw(error)
            else:
                waits_for = steps.send(found)
    except StopIteration as done:
        result: R = done.value
        return result


async def in_turn(steps: Steps[R]) -> R:
    """Do the work on this event loop, which goes on with other things while it waits."""
    try:
        waits_for = next(steps)
        while True:
            try:
                found = await asyncio.wrap_future(waits_for)
            except BaseException as error:  # noqa: BLE001  # the work says what becomes of it
                waits_for = steps.throw(error)
            else:
                waits_for = steps.send(found)
    except StopIteration as done:
        result: R = done.value
        return result
