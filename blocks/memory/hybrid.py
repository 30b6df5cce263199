"""Memory over either engine: meaning and words, fused."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from blocks.errors import BadInput
from blocks.memory.checks import checked_text
from blocks.memory.embedding import Embedder
from blocks.memory.engine import Engine, Point, Question, Where
from blocks.memory.items import TEXT_LIMIT, Draft, Hit, Item, Mode, Selection, keep
from blocks.memory.lane import Lane
from blocks.memory.payloads import item_of, payload_of, where_of
from blocks.memory.values import Values
from blocks.memory.words import Bm25Words

logger = logging.getLogger(__name__)
ITEMS_LIMIT = 256
"""Memories of one call."""
RECALL_LIMIT = 100
WEIGHTS = (1.0, 1.0)
"""How much the meaning and the words count."""


class HybridMemory:
    """Searches by meaning and by words and fuses the two rankings."""

    def __init__(
        self, engine: Engine, embedder: Embedder, values: Values, weights: tuple[float, float] = WEIGHTS
    ) -> None:
        self._engine = engine
        self._values = values
        self._words = Bm25Words()
        # Two lanes, so that a question does not wait behind a long batch of memories.
        self._documents = Lane(embedder)
        self._questions = Lane(embedder)
        self._weights = weights
        self._tending: asyncio.Task[None] | None = None
        self.put, self.get, self.delete = values.put, values.get, values.delete

    async def remember(self, tenant: str, scope: str, drafts: Sequence[Draft]) -> list[Item]:
        if not 1 <= len(drafts) <= ITEMS_LIMIT:
            raise BadInput(f"{len(drafts)} memories in one call; 1 to {ITEMS_LIMIT} are possible")
        items = [keep(tenant, scope, draft) for draft in drafts]
        # Of two drafts with one key the later wins, as it would in two calls.
        kept = list({item.id: item for item in items}.values())
        vectors = await self._documents.embed([item.text for item in kept])
        await self._engine.put(
            [self._point(tenant, item, vector) for item, vector in zip(kept, vectors, strict=True)]
        )
        return items

    async def recall(
        self,
        tenant: str,
        query: str,
        *,
        scopes: Sequence[str] = (),
        labels: Sequence[str] = (),
        limit: int = 10,
        mode: Mode = "fused",
    ) -> list[Hit]:
        if not 1 <= limit <= RECALL_LIMIT:
            raise BadInput(f"limit is {limit}; 1 to {RECALL_LIMIT} are possible")
        selection = Selection(scopes=tuple(scopes) or None, labels=tuple(labels))
        where = replace(where_of(tenant, selection), alive_at=time.time())
        found = await self._engine.search(where, await self._question(query, limit, mode))
        return [Hit(item=item_of(point), score=point.score) for point in found]

    async def forget(self, tenant: str, selection: Selection) -> int:
        if selection == Selection():
            mend = "give ids, scopes, labels, a project or a date"
            raise BadInput("nothing says what to forget", mend=mend)
        return await self._engine.remove(where_of(tenant, selection))

    async def count(self, tenant: str, selection: Selection | None = None) -> int:
        where = replace(where_of(tenant, selection or Selection()), alive_at=time.time())
        return await self._engine.count(where)

    async def tidy(self) -> int:
        gone = await self._engine.remove(Where(tenant=None, expired_at=time.time()))
        await self._engine.tidy()
        return gone

    def tend(self, seconds: float) -> None:
        """Tidy up every so many seconds, until closed."""
        self._tending = asyncio.get_running_loop().create_task(self._tend(seconds))

    async def _tend(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.tidy()
            except Exception:
                logger.exception("tidying the memory failed; it is tried again in %g seconds", seconds)

    async def close(self) -> None:
        if self._tending:
            self._tending.cancel()
        await self._engine.close()
        await self._values.close()

    def _point(self, tenant: str, item: Item, vector: list[float]) -> Point:
        words = self._words.of_document(item.text)
        return Point(id=item.id, dense=vector, words=words, payload=payload_of(tenant, item))

    async def _question(self, query: str, limit: int, mode: Mode) -> Question:
        checked_text(query, "the query", TEXT_LIMIT)
        dense = None if mode == "words" else (await self._questions.embed([query]))[0]
        words = None if mode == "meaning" else self._words.of_query(query)
        return Question(dense=dense, words=words, weights=self._weights, limit=limit)
