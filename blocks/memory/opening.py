"""Opening the hub's memory in the one process that owns it."""

from blocks.memory.edge import open_edge
from blocks.memory.embedding import minilm
from blocks.memory.engine import Engine
from blocks.memory.hybrid import HybridMemory
from blocks.memory.store import MemoryStore
from blocks.memory.values import Values
from blocks.settings import Settings

TIDY_EVERY = 600.0
"""Seconds; what has expired is never recalled, it only takes room until then."""


async def open_memory(settings: Settings) -> MemoryStore:
    """The memory of these settings; loads no model and waits for no server until it is used."""
    embedder = minilm()
    engine = await _engine(settings, embedder.name, embedder.size)
    memory = HybridMemory(engine, embedder, Values(settings.redis_address))
    memory.tend(TIDY_EVERY)
    return memory


async def _engine(settings: Settings, model: str, size: int) -> Engine:
    if settings.qdrant_url is None:
        return open_edge(settings.data_dir / "memory" / model, size)
    # The client takes three seconds to import, which the embedded hub need not wait.
    from blocks.memory.qdrant import open_qdrant  # noqa: PLC0415

    return await open_qdrant(settings.qdrant_url.get_secret_value(), f"soma-memory-{model}", size)
