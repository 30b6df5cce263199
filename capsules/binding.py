"""Binding: a node's inputs as references into recorded results, and back to values in its run.

A result that was gathered from other nodes holds references in place of their documents. They are followed
one by one, when somebody asks for what lies behind them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blocks.errors import SomaError
from capsules.references import is_reference, target

MISSING = object()
GATHERED = "gathered"
"""In a reference: the part of the document that is a list or mapping of references to other results."""

Read = Callable[[dict[str, Any]], Any]


def bind(
    value: Any,
    results: Mapping[str, dict[str, Any]],
    facts: Mapping[str, Any],
) -> Any:
    """Turn `$from` into `$result` references and `$fact` into values.

    What comes from a node that gave no result is left out of the mapping or list it stands in.
    """
    if isinstance(value, dict):
        if is_reference(value):
            node, path = target(value["$from"])
            return {"$result": results[node], "path": path} if node in results else MISSING
        if set(value) == {"$fact"}:
            return facts[value["$fact"]]
        bound = {name: bind(item, results, facts) for name, item in value.items()}
        return {name: item for name, item in bound.items() if item is not MISSING}
    if isinstance(value, list):
        return [item for item in (bind(item, results, facts) for item in value) if item is not MISSING]
    return value


def resolve(value: Any, read: Read) -> Any:
    """Turn every `$result` reference into the value that it names; each result is read once."""
    documents: dict[str, Any] = {}

    def once(reference: dict[str, Any]) -> Any:
        digest = str(reference["sha256"])
        if digest not in documents:
            documents[digest] = read(reference)
        return documents[digest]

    return _resolve(value, once)


def _resolve(value: Any, read: Read) -> Any:
    if isinstance(value, dict):
        if "$result" in value:
            return open_result(value["$result"], value.get("path", ""), read)
        return {name: _resolve(item, read) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, read) for item in value]
    return value


def open_result(reference: dict[str, Any], path: str | Sequence[str | int], read: Read) -> Any:
    """The part of a recorded result at the path; of a gathered one, with the documents it was made of."""
    steps, document = _steps(path), read(reference)
    part = reference.get(GATHERED)
    if part is None or (steps and steps[0] != part):
        return follow(document, steps)
    if len(steps) > 1:
        found = follow(document, steps[:2])
        if found is None:
            raise SomaError(f"a result has nothing at {_dotted(steps)!r}: that part of it gave none")
        return open_result(found, steps[2:], read)
    opened = {**document, part: _opened(document[part], read)}
    return follow(opened, steps)


def count_items(bound: Any, read: Read) -> int:
    """How many items the list has that the `$result` reference names, without the documents behind them.

    Raises `SomaError` when it is no list, or there is nothing at its path.
    """
    reference, steps = bound["$result"], _steps(bound.get("path", ""))
    gathered = reference.get(GATHERED) is not None and steps == [reference[GATHERED]]
    found = follow(read(reference), steps) if gathered else open_result(reference, steps, read)
    if not isinstance(found, list):
        raise SomaError(f"{_dotted(steps) or 'the whole result'!r} is a {type(found).__name__}, not a list")
    return len(found)


def _opened(references: Any, read: Read) -> Any:
    if isinstance(references, dict):
        return {name: _opened_one(item, read) for name, item in references.items()}
    return [_opened_one(item, read) for item in references]


def _opened_one(reference: dict[str, Any] | None, read: Read) -> Any:
    return None if reference is None else open_result(reference, "", read)


def follow(document: Any, path: str | Sequence[str | int]) -> Any:
    """The part of the document at a dotted path, or one of steps; the whole of it for an empty one."""
    for step in _steps(path):
        if isinstance(document, list) and str(step).isdecimal() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            raise SomaError(f"a result has no {_dotted(_steps(path))!r}; it has {_parts(document)}")
    return document


def _steps(path: str | Sequence[str | int]) -> list[str | int]:
    if isinstance(path, str):
        return list(path.split(".")) if path else []
    return list(path)


def _dotted(steps: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in steps)


def _parts(document: Any) -> str:
    if isinstance(document, dict):
        return str(sorted(document)[:20])
    if isinstance(document, list):
        return f"{len(document)} items"
    return f"a {type(document).__name__} there"
