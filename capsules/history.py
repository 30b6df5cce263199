"""What was decided before in a project, read back from the audit log while an attempt runs.

An attempt's own decisions are in its history at once. Those of other nodes and processes are read when the
attempt begins and every second after that, as long as the constitution in force speaks of history: between
two looks a count may lag behind by what others did in that time.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from blocks.constitution.constitution import Constitution
from blocks.constitution.history import History
from blocks.context import RunContext
from blocks.records.audit import list_records
from capsules.environment import Environment

LOOK = 1.0
"""Seconds between two looks."""
PAGE = 1_000

logger = logging.getLogger(__name__)


@asynccontextmanager
async def following(opened: Environment, context: RunContext) -> AsyncIterator[None]:
    """Keep the context's history up to date while the block runs."""
    if context.project is None or context.node is None:
        yield
        return
    reader = Reader(opened, context, own=(context.node, context.attempt))
    await reader.look()
    task = asyncio.create_task(reader.keep_looking())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def with_history(opened: Environment, context: RunContext) -> RunContext:
    """The context with all that was decided in its project so far."""
    await Reader(opened, context).look()
    return context


class Reader:
    """Adds what others decided in the project to one context's history, each decision once."""

    def __init__(
        self, opened: Environment, context: RunContext, own: tuple[str, int | None] | None = None
    ) -> None:
        self._opened = opened
        self._context = context
        self._own = own
        """The node and attempt whose decisions are in the history already."""
        self._after = 0

    async def keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception:
                logger.exception("the history of %s is not up to date", self._context.project)

    async def look(self) -> None:
        """Read what is new, if the constitution in force asks for it."""
        if not speaks_of_history(self._context.constitution.current()):
            return
        await self._opened.audit.flush()  # inline nodes of this process share the log
        while True:
            found = await list_records(
                self._opened.database,
                tenant=self._context.tenant,
                project=self._context.project,
                after=self._after,
                limit=PAGE,
            )
            for line in found:
                self._after = line.sequence
                self._add(json.loads(line.record))
            if len(found) < PAGE:
                return

    def _add(self, record: Mapping[str, Any]) -> None:
        if self._own is None or (record.get("node"), record.get("attempt")) != self._own:
            add_record(self._context.history, record)


def add_record(history: History, record: Mapping[str, Any]) -> None:
    """Add a recorded decision; one that people have approved was let through."""
    verdict = "allow" if record.get("approval") else str(record["verdict"])
    at = datetime.fromisoformat(record["at"])
    history.add(record["stage"], record["action"], verdict, at, record.get("labels") or ())


def speaks_of_history(constitution: Constitution) -> bool:
    """Whether any article's condition asks about the past."""
    articles = constitution.document.get("articles") or ()
    return any("history" in str(article.get("when") or "") for article in articles)
