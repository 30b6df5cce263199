"""Bodies in threads: what they return and raise, and that they can be stopped."""

import asyncio
import contextvars
import threading
import time

import pytest

from capsules.threads import in_thread

WORD = contextvars.ContextVar("word", default="none")


def test_a_body_gives_what_it_returns_or_raises_and_sees_the_context_of_its_caller():
    """As if it were called at that place."""

    def body(number):
        if number < 0:
            raise ValueError("too small")
        return number, WORD.get()

    async def run():
        WORD.set("here")
        assert await in_thread(body, {"number": 1}) == (1, "here")
        with pytest.raises(ValueError, match="too small"):
            await in_thread(body, {"number": -1})

    asyncio.run(run())


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_a_body_that_is_cancelled_stops_and_cleans_up(how):
    """It ends at its next line, its `finally` runs, and the caller waits for that."""
    begun, told = threading.Event(), []

    def body():
        begun.set()
        try:
            while True:
                time.sleep(0.01)
        finally:
            told.append("cleaned up")

    async def run():
        if how == "timeout":
            async with asyncio.timeout(0.2):
                await in_thread(body, {})
        task = asyncio.create_task(in_thread(body, {}))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await task

    with pytest.raises(TimeoutError if how == "timeout" else asyncio.CancelledError):
        asyncio.run(run())

    assert told == ["cleaned up"]


def test_a_body_that_does_not_stop_is_left_behind(monkeypatch):
    """The caller goes on after a while; the thread does not keep the process."""
    monkeypatch.setattr("capsules.threads.CLEAN_UP", 0.1)
    release, threads = threading.Event(), []

    def body():
        threads.append(threading.current_thread())
        release.wait(60)  # one long system call

    async def run():
        task = asyncio.create_task(in_thread(body, {}))
        while not threads:  # noqa: ASYNC110  # another thread's list
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert threads[0].is_alive()
        assert threads[0].daemon

    asyncio.run(run())
    release.set()
