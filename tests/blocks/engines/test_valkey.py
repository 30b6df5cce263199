"""The embedded Valkey."""

import asyncio
import os
import signal
from pathlib import Path

import redis.asyncio

from blocks.engines import valkey
from blocks.engines.folders import make_folders
from blocks.settings import load_settings
from ui.supervisor.log import ChildLog
from ui.supervisor.process import Process


def test_keeps_what_it_was_told_when_it_is_killed(tmp_path: Path) -> None:
    """What was written more than a second ago is there after kill -9 and a new start."""
    settings = load_settings(data_dir=tmp_path)
    make_folders(settings)

    async def process() -> Process:
        made = Process(
            valkey.child(settings), ChildLog("valkey", settings.logs_path, None, quiet=True), print
        )
        await made.start()
        return made

    async def scenario() -> bytes | None:
        first = await process()
        async with redis.asyncio.Redis.from_url(settings.redis_address) as client:
            await client.set("kept", "yes")
        await asyncio.sleep(1.5)
        assert first.pid
        first._stopping = True
        os.kill(first.pid, signal.SIGKILL)
        await first.stop()
        second = await process()
        try:
            async with redis.asyncio.Redis.from_url(settings.redis_address) as client:
                return await client.get("kept")
        finally:
            await second.stop()

    assert asyncio.run(scenario()) == b"yes"


def test_is_not_needed_when_an_address_is_given(tmp_path: Path) -> None:
    """With REDIS_URL set the embedded server stays down."""
    assert not valkey.needed(load_settings(data_dir=tmp_path, redis_url="redis://elsewhere"))
    assert valkey.needed(load_settings(data_dir=tmp_path))
