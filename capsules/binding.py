"""Binding: a node's inputs as references into recorded results, and back to values in its run."""

from collections.abc import Callable, Mapping
from typing import Any

from blocks.errors import SomaError

MISSING = object()


def bind(
    value: Any,
    results: Mapping[str, dict[str, Any]],
    facts: Mapping[str, Any],
) -> Any:
    """Turn `$from` into `$result` references and `$fact` into values.

    What comes from a node that gave no result is left out of the mapping or list it stands in.
    """
    if isinstance(value, dict):
        if set(value) == {"$from"}:
            node, _, path = str(value["$from"]).partition(".")
            return {"$result": results[node], "path": path} if node in results else MISSING
        if set(value) == {"$fact"}:
            return facts[value["$fact"]]
        bound = {name: bind(item, results, facts) for name, item in value.items()}
        return {name: item for name, item in bound.items() if item is not MISSING}
    if isinstance(value, list):
        return [item for item in (bind(item, results, facts) for item in value) if item is not MISSING]
    return value


def resolve(value: Any, read: Callable[[dict[str, Any]], Any]) -> Any:
    """Turn every `$result` reference into the value that it names; each result is read once."""
    documents: dict[str, Any] = {}

    def once(reference: dict[str, Any]) -> Any:
        digest = str(reference["sha256"])
        if digest not in documents:
            documents[digest] = read(reference)
        return documents[digest]

    return _resolve(value, once)


def _resolve(value: Any, read: Callable[[dict[str, Any]], Any]) -> Any:
    if isinstance(value, dict):
        if "$result" in value:
            return follow(read(value["$result"]), str(value.get("path", "")))
        return {name: _resolve(item, read) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, read) for item in value]
    return value


def follow(document: Any, path: str) -> Any:
    """The part of the document at a dotted path; the whole of it for an empty one."""
    for step in path.split(".") if path else []:
        if not isinstance(document, dict) or step not in document:
            raise SomaError(f"a result has no {path!r}; it has {sorted(document)[:20]}")
        document = document[step]
    return document
