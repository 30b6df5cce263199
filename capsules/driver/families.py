"""Nodes that have become others: what they are, whether all have ended, how many may work at once."""

from itertools import islice

from blocks.records.tables import FINAL_NODE_STATES, NodeRecord


class Families:
    """Parents and their children, as far as their lines were put in."""

    def __init__(self) -> None:
        self._children: dict[str, dict[str, int]] = {}
        """The position of each child, by parent and name."""
        self._unended: dict[str, set[str]] = {}
        self._places: dict[str, int] = {}
        """How many children of a parent may be started and not ended at once, where that is bounded."""
        self._taken: dict[str, set[str]] = {}
        self._queued: dict[str, dict[str, None]] = {}

    def bound(self, parent: str, most: int) -> None:
        """Let no more than so many children of the parent be at work at once."""
        self._places[parent] = most

    def put(self, line: NodeRecord) -> None:
        """Take in how a child stands."""
        parent = str(line.parent)
        self._children.setdefault(parent, {})[line.node] = line.position
        unended = self._unended.setdefault(parent, set())
        taken = self._taken.setdefault(parent, set())
        if line.state in FINAL_NODE_STATES:
            unended.discard(line.node)
        else:
            unended.add(line.node)
        if line.state in {"queued", "running"}:
            taken.add(line.node)
        elif line.state != "waiting" or line.due_at is not None:
            taken.discard(line.node)

    def children(self, parent: str) -> list[str]:
        """In the order in which they were made."""
        found = self._children.get(parent, {})
        return sorted(found, key=found.__getitem__)

    def unended(self, parent: str) -> bool:
        return bool(self._unended.get(parent))

    def has_place(self, line: NodeRecord) -> bool:
        """Whether the node may start as far as its siblings go; else it stands in their queue."""
        most = self._places.get(line.parent or "")
        if most is None or line.parent is None:
            return True
        taken = self._taken[line.parent]
        if line.node in taken or len(taken) < most:
            taken.add(line.node)
            return True
        self._queued.setdefault(line.parent, {})[line.node] = None
        return False

    def next_in(self, parent: str) -> list[str]:
        """The siblings for which there is a place now, out of the queue."""
        most, queue = self._places.get(parent), self._queued.get(parent)
        if most is None or not queue:
            return []
        free = most - len(self._taken[parent])
        found = list(islice(queue, max(0, free)))
        for name in found:
            del queue[name]
        return found

    def unfold(self, parent: str) -> None:
        """Note that what the parent asks for was made, even if that was nothing."""
        self._children.setdefault(parent, {})

    def unfolded(self, parent: str) -> bool:
        return parent in self._children
