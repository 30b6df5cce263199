"""What was decided before in a project, read back from the audit log while an attempt runs.

An attempt's own decisions are in its history at once. Those of other nodes and processes are read when the
attempt begins and every second after that, as long as the constitution in force speaks of history: between
two looks a count may lag behind by what others did in that time.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from blocks.audit.log import AuditLog
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
    past, own = past_of(opened, context.tenant, context.project), (context.node, context.attempt)
    context.history.stand_on(past.every, past.follow(own))
    try:
        await past.look()
        yield
    finally:
        past.leave(own)


async def with_history(opened: Environment, context: RunContext) -> RunContext:
    """The context with all that was decided in its project so far."""
    if context.project is not None:
        past = past_of(opened, context.tenant, context.project)
        await past.look()
        context.history.stand_on(past.every, History())
    return context


class Past:
    """What was decided in one project, read once for all contexts of this process."""

    def __init__(self, opened: Environment, tenant: str, project: str) -> None:
        self.every = History()
        self._opened = opened
        self._tenant = tenant
        self._project = project
        self._after = 0
        self._own: dict[tuple[str, int | None], History] = {}
        """What of it was decided by the attempts that go on in this process."""
        self._followers: Counter[tuple[str, int | None]] = Counter()
        self._turn = asyncio.Lock()
        self._asked = self._answered = 0
        self._keeper: asyncio.Task[None] | None = None

    def follow(self, own: tuple[str, int | None]) -> History:
        """Look every second from now on; what this attempt decides is put down apart as well."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_looking())
        self._followers[own] += 1
        return self._own.setdefault(own, History())

    def leave(self, own: tuple[str, int | None]) -> None:
        self._followers[own] -= 1
        if self._followers[own] == 0:  # a capsule that calls another has two
            del self._followers[own], self._own[own]
        if not self._own and self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None

    async def look(self) -> None:
        """Read what is new, if the constitution in force asks for it; a look begun after the call counts."""
        if not speaks_of_history(self._opened.constitution.of(self._tenant).current()):
            return
        self._asked += 1
        mine = self._asked
        async with self._turn:
            if self._answered >= mine:
                return
            answering = self._asked
            await self._read()
            self._answered = answering

    async def _read(self) -> None:
        await self._opened.audit.flush()  # inline nodes of this process share the log
        while True:
            found = await list_records(
                self._opened.database,
                tenant=self._tenant,
                project=self._project,
                after=self._after,
                limit=PAGE,
            )
            for line in found:
                self._after = line.sequence
                self._add(json.loads(line.record))
            if len(found) < PAGE:
                return

    def _add(self, record: Mapping[str, Any]) -> None:
        add_record(self.every, record)  # first, so that nothing is ever counted too seldom
        own = self._own.get((record.get("node") or "", record.get("attempt")))
        if own is not None:
            add_record(own, record)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception:
                logger.exception("the history of %s is not up to date", self._project)


_pasts: WeakKeyDictionary[AuditLog, dict[tuple[str, str], Past]] = WeakKeyDictionary()
"""By the log that an environment has alone."""


def past_of(opened: Environment, tenant: str, project: str) -> Past:
    """What this process knows of the project's past; empty at first."""
    known = _pasts.setdefault(opened.audit, {})
    if (tenant, project) not in known:
        known[tenant, project] = Past(opened, tenant, project)
    return known[tenant, project]


def add_record(history: History, record: Mapping[str, Any]) -> None:
    """Add a recorded decision; one that people have approved was let through."""
    verdict = "allow" if record.get("approval") else str(record["verdict"])
    at = datetime.fromisoformat(record["at"])
    history.add(record["stage"], record["action"], verdict, at, record.get("labels") or ())


def speaks_of_history(constitution: Constitution) -> bool:
    """Whether any article's condition asks about the past."""
    articles = constitution.document.get("articles") or ()
    return any("history" in str(article.get("when") or "") for article in articles)
