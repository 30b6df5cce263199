"""How far a rerun reaches: along what nodes need, and along what they came from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

UNDO = "undo."
"""How the nodes are named that take back what others did."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a rerun touches."""

    reset: frozenset[str]
    """Nodes that are done anew."""
    reopened: frozenset[str]
    """Nodes that stay as they are but wait again for those which they have become."""
    dropped: frozenset[str]
    """Nodes made at run time, which are made again when their maker is done anew."""


def reach(needs: Mapping[str, Sequence[str]], parents: Mapping[str, str], starts: Iterable[str]) -> Reach:
    """What a rerun from these nodes touches, of nodes known by what they need and by what they came from."""
    users, children = _inverted(needs), _inverted({node: [parent] for node, parent in parents.items()})
    reset, reopened, dropped = set[str](), set[str](), set[str]()
    todo = list(starts)
    while todo:
        node = todo.pop()
        if node in reset:
            continue
        reset.add(node)
        todo += users[node]
        parent = parents.get(node)
        while parent is not None and parent not in reset and parent not in reopened:
            reopened.add(parent)
            todo += users[parent]
            parent = parents.get(parent)
    falling = [child for node in reset for child in children[node]]
    falling += [child for node in reopened for child in children[node] if child.startswith(UNDO)]
    while falling:
        child = falling.pop()
        if child not in dropped:
            dropped.add(child)
            falling += children[child]
    return Reach(
        reset=frozenset(reset - dropped),
        reopened=frozenset(reopened - reset - dropped),
        dropped=frozenset(dropped),
    )


def _inverted(edges: Mapping[str, Sequence[str]]) -> defaultdict[str, list[str]]:
    turned: defaultdict[str, list[str]] = defaultdict(list)
    for source, targets in edges.items():
        for target in targets:
            turned[target].append(source)
    return turned
