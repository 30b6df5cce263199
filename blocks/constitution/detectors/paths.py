"""Paths in arguments that lead out of a folder."""

import os.path
from collections.abc import Iterator, Mapping
from typing import Any

PATH_WORDS = frozenset(
    {"root", "path", "paths", "folder", "folders", "file", "files", "directory", "directories"}
    | {"workspace", "target", "destination"}
)
"""An argument of one of these names, or ending in `_` and one of them, is a path."""


def paths_outside(value: Any, folder: str) -> bool:
    """Whether an argument named like a path leads out of the folder."""
    return any(_escapes(path, folder) for path in _paths(value, named=isinstance(value, str)))


def _paths(value: object, *, named: bool) -> Iterator[str]:
    if isinstance(value, str):
        if named:
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(inner, named=str(key).rpartition("_")[2].lower() in PATH_WORDS)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _paths(inner, named=named)


def _escapes(path: str, folder: str) -> bool:
    if not folder or "\0" in path:
        return True
    root = os.path.normpath(folder)
    whole = os.path.normpath(os.path.join(root, os.path.expanduser(path)))  # noqa: PTH111, PTH118  # no disk
    return whole != root and not whole.startswith(root.rstrip("/") + "/")
