"""The embedded engine: one Qdrant Edge shard, owned by one process.

A write is acknowledged when its entry in the write-ahead log is on the disk: a kill or a power cut after that
loses nothing, and the next opening replays it.
"""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import qdrant_edge as qdrant

from blocks.errors import Unavailable
from blocks.memory.compacting import compact
from blocks.memory.edge_language import edge_filter, edge_point, edge_request
from blocks.memory.engine import Found, Point, Question, Where
from blocks.memory.generations import Generations, sync
from blocks.memory.ownership import Ownership

FLUSH_AFTER = 2000
"""Points written before the log is folded into the segments, so that opening stays quick."""
COMPACT_AFTER = 8000
"""Points outside the search index, which are compared one by one, before it is built anew."""


class EdgeEngine:
    """Opened by `open_edge`; the folder belongs to it until `close`."""

    def __init__(self, folder: Path, generations: Generations, ownership: Ownership) -> None:
        self._folder = folder
        self._shard = qdrant.EdgeShard.load(str(folder))
        self._generations = generations
        self._ownership = ownership
        self._writing = asyncio.Lock()
        self._tidying = asyncio.Lock()
        self._closing = asyncio.Event()
        self._unflushed = 0
        self._since_copy: list[qdrant.UpdateOperation] | None = None
        self.compact_after = COMPACT_AFTER

    async def put(self, points: Sequence[Point]) -> None:
        operation = qdrant.UpdateOperation.upsert_points([edge_point(point) for point in points])
        await self._write(operation, len(points))

    async def search(self, where: Where, question: Question) -> list[Found]:
        found = await asyncio.to_thread(self._shard.query, edge_request(where, question))
        return [Found(id=str(hit.id), score=hit.score, payload=hit.payload or {}) for hit in found]

    async def remove(self, where: Where) -> int:
        matching = await self.count(where)
        if matching:
            await self._write(qdrant.UpdateOperation.delete_points_by_filter(edge_filter(where)), matching)
        return matching

    async def count(self, where: Where) -> int:
        request = qdrant.CountRequest(exact=True, filter=edge_filter(where))
        return await asyncio.to_thread(self._shard.count, request)

    async def tidy(self) -> None:
        await asyncio.shield(self._tidy())

    async def _tidy(self) -> None:
        async with self._tidying:
            async with self._writing:
                await asyncio.to_thread(self._flush)
            if self._unindexed() >= self.compact_after:
                await self._compact()

    async def close(self) -> None:
        self._closing.set()
        async with self._tidying, self._writing:
            await asyncio.to_thread(self._flush)
            await asyncio.to_thread(self._shard.close)
            self._ownership.release()

    async def _write(self, operation: qdrant.UpdateOperation, size: int) -> None:
        await asyncio.shield(self._write_in_turn(operation, size))

    async def _write_in_turn(self, operation: qdrant.UpdateOperation, size: int) -> None:
        async with self._writing:
            await asyncio.to_thread(self._write_now, operation, size)
            if self._since_copy is not None:
                self._since_copy.append(operation)

    def _write_now(self, operation: qdrant.UpdateOperation, size: int) -> None:
        self._shard.update(operation)
        self._unflushed += size
        if self._unflushed >= FLUSH_AFTER:
            self._flush()
        self._sync_log()

    def _sync_log(self) -> None:
        log = self._folder / "wal"
        for file in (*log.iterdir(), log):
            sync(file)

    def _flush(self) -> None:
        self._shard.flush()
        self._unflushed = 0

    def _unindexed(self) -> int:
        about = self._shard.info()
        return about.points_count - about.indexed_vectors_count // 2

    async def _compact(self) -> None:
        target = self._generations.fresh()
        try:
            async with self._writing:
                await asyncio.to_thread(self._flush)
                await asyncio.to_thread(shutil.copytree, self._folder, target)
                self._since_copy = []
            await compact(target, self._closing)
            async with self._writing:
                await asyncio.to_thread(self._move_to, target)
        finally:
            self._since_copy = None
            await asyncio.to_thread(self._generations.sweep)

    def _move_to(self, target: Path) -> None:
        following = qdrant.EdgeShard.load(str(target))
        for operation in self._since_copy or []:
            following.update(operation)
        following.flush()
        # The old shard closes itself when the last search that still reads it ends.
        self._shard.flush()
        self._shard, self._folder = following, target
        self._generations.switch(target)


def open_edge(folder: Path, size: int) -> EdgeEngine:
    """The engine over `folder`, made when missing; `MemoryLocked` when another process has it open."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ownership = Ownership.take(folder / "owner.lock")
    generations = Generations(folder)
    try:
        generations.sweep()
        return EdgeEngine(generations.current() or generations.make(size), generations, ownership)
    except Exception as error:
        ownership.release()
        raise Unavailable(
            f"the memory in {str(folder)!r} cannot be opened: {error}",
            mend="restore the folder from a backup, or move it away to start with an empty memory",
        ) from error
