"""Embedding for many callers at once, off the event loop."""

import asyncio
from collections import deque

from blocks.memory.embedding import Embedder

AT_ONCE = 16


class Lane:
    """Callers that wait at the same moment share a pass through the model; one pass runs at a time."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._waiting: deque[tuple[str, asyncio.Future[list[float]]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def embed(self, texts: list[str]) -> list[list[float]]:
        loop = asyncio.get_running_loop()
        tickets = [(text, loop.create_future()) for text in texts]
        self._waiting.extend(tickets)
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work())
        return list(await asyncio.gather(*(future for _, future in tickets)))

    async def _work(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            wanted = [(text, future) for text, future in taken if not future.done()]
            try:
                vectors = await asyncio.to_thread(self._embedder.embed, [text for text, _ in wanted])
            except Exception as error:  # noqa: BLE001  # goes to the callers, each of whom raises it
                for _, future in wanted:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), vector in zip(wanted, vectors, strict=True):
                    if not future.done():
                        future.set_result(vector.tolist())
