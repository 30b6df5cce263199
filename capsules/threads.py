"""Bodies that are plain functions: each runs in a thread of its own, which is stopped when its run is."""

import asyncio
import contextlib
import ctypes
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

CLEAN_UP = 5.0
"""Seconds that a body which was told to stop has to clean up before it is left behind."""


class Stopped(BaseException):
    """The run of this body was cancelled, or its time is over; clean up and let this pass."""


async def in_thread(body: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What the body returns or raises; cancelled, it is stopped at its next line of Python.

    A body that waits inside a system call hears of it when the call returns. One that does not stop is left
    behind, in a thread that does not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = copy_context()

    def call() -> None:
        try:
            result, error = context.run(body, **arguments), None
        except BaseException as raised:  # noqa: BLE001  # the body's, whatever it is; raised where it is awaited
            result, error = None, raised
        with contextlib.suppress(RuntimeError):  # the loop has ended without waiting for this
            loop.call_soon_threadsafe(_settle, done, result, error)

    thread = threading.Thread(target=call, daemon=True, name=getattr(body, "__name__", "body"))
    thread.start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop(thread)
        await asyncio.wait([done], timeout=CLEAN_UP)
        if done.done() and not done.cancelled():
            done.exception()  # looked at, so that asyncio does not complain
        raise


def stop(thread: threading.Thread) -> None:
    """Raise `Stopped` in the thread, at its next line of Python."""
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped))


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    elif isinstance(error, Stopped):
        done.cancel()  # whoever stopped it awaits no result
    elif isinstance(error, StopIteration):  # a future takes none
        done.set_exception(RuntimeError(f"the body raised StopIteration: {error}"))
    else:
        done.set_exception(error)
