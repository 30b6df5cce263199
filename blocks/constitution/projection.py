"""The few facts that conditions read, taken out of all the facts there are.

Handing facts to the engine copies them, so only what a condition names is handed over: an argument of a
megabyte that no article speaks about costs nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.constitution import parser
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import Node
from blocks.constitution.types import PYTHON, Type
from blocks.plain import plain

Trie = dict[str, Any]
"""Field name -> inner Trie, or a tuple of the Python types that are allowed (empty: any)."""


def paths_of(tree: Node, bound: frozenset[str] = frozenset()) -> Iterator[tuple[str, ...]]:
    """Every path of facts that the expression reads."""
    path = _path(tree)
    if path is not None:
        if path[0] not in bound:
            yield path
        return
    if isinstance(tree, parser.Macro):
        yield from paths_of(tree.owner, bound)
        for body in tree.bodies:
            yield from paths_of(body, bound | {tree.variable})
        return
    for inner in _children(tree):
        yield from paths_of(inner, bound)


def _path(node: Node) -> tuple[str, ...] | None:
    if isinstance(node, parser.Name):
        return (node.name,)
    if isinstance(node, parser.Member):
        owner = _path(node.owner)
        return None if owner is None else (*owner, node.name)
    return None


def _children(node: Node) -> Iterator[Node]:
    for name in getattr(node, "__slots__", ()):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                yield from item if isinstance(item, tuple) else (item,)


def merged(paths: Iterator[tuple[str, ...]] | list[tuple[str, ...]], kinds: Mapping[str, Type]) -> Trie:
    """One trie over all paths; a path that ends takes everything below it."""
    trie: Trie = {}
    for path in paths:
        node, kind = trie, Type("record", fields=tuple(kinds.items()))
        for place, name in enumerate(path):
            kind = dict(kind.fields).get(name, Type("dyn"))
            if place == len(path) - 1:
                node[name] = PYTHON.get(kind, ())
            elif isinstance(node.get(name), tuple):
                break
            else:
                node = node.setdefault(name, {})
    return trie


def project(trie: Trie, facts: Any) -> dict[str, Any]:
    """The named facts as plain values; what is missing stays missing."""
    found: dict[str, Any] = {}
    for name, wanted in trie.items():
        try:
            value = facts[name]
        except (KeyError, TypeError, IndexError):
            continue
        if isinstance(wanted, dict):
            found[name] = project(wanted, value if isinstance(value, Mapping) else plain(value))
        else:
            found[name] = _checked(value, wanted, name)
    return found


def _checked(value: Any, wanted: tuple[type, ...], name: str) -> Any:
    if not wanted:
        return plain(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise ConditionError(f"the fact {name!r} is a {type(value).__name__}, not {wanted[0].__name__}")
    return value if not isinstance(value, str) else plain(value)
