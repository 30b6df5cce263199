"""Nodes of one project that could start if there were a place of a concurrency limit."""

from collections.abc import Sequence

from capsules.plan import PlanNode


def limits_of(node: PlanNode, tenant: str) -> list[str]:
    """The names of the limits that an attempt at the node takes a place of, where there are such limits."""
    return [f"tenant:{tenant}", f"capsule:{node.capsule}", *(f"resource:{name}" for name in node.resources)]


class Starved:
    """Who waits for a place of which limit, the most urgent first."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, tuple[int, int]]] = {}
        self._asking: set[str] = set()

    def add(self, limit: str, node: PlanNode, position: int) -> None:
        self._waiting.setdefault(limit, {})[node.id] = (-node.priority, position)

    def limits(self) -> list[str]:
        """The limits that somebody waits for."""
        return list(self._waiting)

    def behind(self, node: PlanNode, names: Sequence[str]) -> str | None:
        """A limit that others wait for already, so that this node need not ask; None if it is its turn to."""
        if node.id in self._asking:
            self._asking.discard(node.id)
            return None
        return next((name for name in names if name in self._waiting), None)

    def release(self, *limits: str) -> list[str]:
        """The most urgent node for each of these limits; it is to ask again."""
        found = []
        for limit in limits:
            waiting = self._waiting.get(limit)
            if waiting:
                first = min(waiting, key=waiting.__getitem__)
                del waiting[first]
                found.append(first)
                self._asking.add(first)
                if not waiting:
                    del self._waiting[limit]
        return found
