"""A memory over either engine, with the real model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from blocks.memory.edge import open_edge
from blocks.memory.embedding import MiniLM
from blocks.memory.hybrid import HybridMemory
from blocks.memory.qdrant import open_qdrant
from blocks.memory.values import Values

NO_SERVER = "redis://127.0.0.1:1"
Opening = Callable[[], AbstractAsyncContextManager[HybridMemory]]
Played = Callable[[Callable[[HybridMemory], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="session")
def model() -> MiniLM:
    """One model for all tests: it holds no state but its weights."""
    return MiniLM()


@pytest.fixture
def opening(tmp_path: Path, model: MiniLM) -> Opening:
    """Opens the embedded memory of this test, again and again if asked."""

    @asynccontextmanager
    async def open_it() -> AsyncIterator[HybridMemory]:
        memory = HybridMemory(open_edge(tmp_path / "memory", model.size), model, Values(NO_SERVER))
        yield memory
        await memory.close()

    return open_it


@pytest.fixture(params=["edge", "qdrant"])
def play(request: pytest.FixtureRequest, opening: Opening, model: MiniLM) -> Played:
    """Runs a scene with a fresh memory, once over the embedded engine and once over Qdrant's client."""

    async def over_qdrant(scene: Callable[[HybridMemory], Coroutine[Any, Any, None]]) -> None:
        engine = await open_qdrant(":memory:", "test", model.size)
        await scene(HybridMemory(engine, model, Values(NO_SERVER)))

    async def over_edge(scene: Callable[[HybridMemory], Coroutine[Any, Any, None]]) -> None:
        async with opening() as memory:
            await scene(memory)

    over = over_edge if request.param == "edge" else over_qdrant
    return lambda scene: asyncio.run(over(scene))
