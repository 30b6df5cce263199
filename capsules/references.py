"""References in inputs: `{"$from": "node.output"}` and the other words that stand for a value.

`$from` names a node and a dotted path in its result. A node that comes at run time has a dot in its own name,
so there the reference is a list: the node's name, then each step of the path.
"""

from collections.abc import Callable, Iterator
from typing import Any

MARKERS = frozenset({"$from", "$fact", "$answer", "$item", "$index", "$result"})


def is_reference(value: Any) -> bool:
    """Whether the value is `{"$from": …}` and nothing else."""
    return isinstance(value, dict) and set(value) == {"$from"}


def target(reference: Any) -> tuple[str, list[str | int]]:
    """The node that a `$from` names, and the path in its result."""
    if isinstance(reference, list):
        return str(reference[0]), list(reference[1:])
    node, _, path = str(reference).partition(".")
    return node, list(path.split(".")) if path else []


def sources(value: Any) -> set[str]:
    """The ids of the nodes that the value's `$from` references name."""
    return {target(found["$from"])[0] for found in _mappings(value) if is_reference(found)}


def references_in(value: Any) -> list[tuple[str, list[str | int]]]:
    """Node and path of every `$from` in the value."""
    return [target(found["$from"]) for found in _mappings(value) if is_reference(found)]


def answers_in(value: Any) -> set[str]:
    """The questions whose answers stand in the value."""
    return {str(found["$answer"]) for found in _mappings(value) if set(found) == {"$answer"}}


def bound_results(value: Any) -> Iterator[dict[str, Any]]:
    """The references to recorded results that the value was bound to already."""
    return (found["$result"] for found in _mappings(value) if isinstance(found.get("$result"), dict))


def rebase(value: Any, place: Callable[[str, list[str | int]], Any]) -> Any:
    """The value with every `$from` replaced by what `place` gives for its node and path."""
    if is_reference(value):
        return place(*target(value["$from"]))
    if isinstance(value, dict):
        return {name: rebase(item, place) for name, item in value.items()}
    return [rebase(item, place) for item in value] if isinstance(value, list) else value


def markers(value: Any) -> set[str]:
    """The words with `$` that stand for something in the value."""
    return {name for found in _mappings(value) for name in found if name in MARKERS}


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _mappings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mappings(item)
