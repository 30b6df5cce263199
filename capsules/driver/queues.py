"""What a driver has to do next: nodes to settle, and nodes to start, the most urgent first."""

import heapq
from collections import deque
from datetime import datetime

from blocks.records.tables import NodeRecord
from capsules.plan import PlanNode


class Queues:
    """The nodes that something can be done with now, each in at most one place."""

    def __init__(self) -> None:
        self._blocked: deque[tuple[str, str]] = deque()
        self._ready: dict[bool, list[tuple[int, int, str]]] = {True: [], False: []}
        self._known: set[str] = set()
        self._delayed: list[tuple[datetime, str]] = []
        self._parents: deque[str] = deque()

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]  # as if it were new

    def block(self, name: str, reason: str) -> None:
        """The node can never run."""
        if name not in self._known:
            self._known.add(name)
            self._blocked.append((name, reason))

    def make_ready(self, node: PlanNode, line: NodeRecord) -> None:
        """The node waits for nothing but a driver, or for people whose answer may have come."""
        if node.id not in self._known:
            self._known.add(node.id)
            heap = self._ready[node.runtime == "inline"]
            heapq.heappush(heap, (-node.priority, line.position, node.id))

    def delay(self, line: NodeRecord) -> None:
        """The node waits for a moment."""
        if line.due_at is not None:
            heapq.heappush(self._delayed, (line.due_at, line.node))

    def due(self, moment: datetime) -> list[str]:
        """The nodes whose moment has come; they are taken out."""
        found = []
        while self._delayed and self._delayed[0][0] <= moment:
            found.append(heapq.heappop(self._delayed)[1])
        return found

    @property
    def next_due(self) -> datetime | None:
        """When the first node that waits for a moment is to be tried again."""
        return self._delayed[0][0] if self._delayed else None

    def go_on(self, name: str) -> None:
        """Something is to be done with an expanded node: what it asks for is to be made, or has all ended."""
        if name not in self._known:
            self._known.add(name)
            self._parents.append(name)

    def next_parent(self) -> str | None:
        """An expanded node that something is to be done with."""
        if not self._parents:
            return None
        name = self._parents.popleft()
        self._known.discard(name)
        return name

    def next_blocked(self) -> tuple[str, str] | None:
        """A node that can never run, and the reason."""
        if not self._blocked:
            return None
        found = self._blocked.popleft()
        self._known.discard(found[0])
        return found

    def next_ready(self, *, inline: bool, deployed: bool) -> str | None:
        """The most urgent node of those that there is room for; among equals, the plan's order."""
        heaps = [self._ready[kind] for kind, room in ((True, inline), (False, deployed)) if room]
        heap = min((heap for heap in heaps if heap), default=None)
        if heap is None:
            return None
        name = heapq.heappop(heap)[2]
        self._known.discard(name)
        return name
