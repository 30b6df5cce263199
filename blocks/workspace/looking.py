"""Listing and searching a workspace, within bounds, without following links."""

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import re2

from blocks.constitution.globs import like
from blocks.errors import BadInput
from blocks.workspace.beneath import FOLDER, GIT, folder_at, open_file, steps_of

MOST_ENTRIES = 200_000
"""Entries of a workspace that are looked at at all."""
MOST_SECONDS = 20.0
LARGEST = 2_000_000
"""Bytes of a file that is searched."""
LONGEST_LINE = 500

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, folder or link of the workspace."""

    path: str
    kind: Kind
    size: int
    """In bytes; 0 for what is no file."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    entries: list[Entry]
    more: bool
    """Whether there are others."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A line that was found."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Matches:
    matches: list[Match]
    files: int
    """How many files were searched."""
    more: bool
    """Whether the search ended early: enough was found, or it took too long."""


def list_folder(root: Path, path: str = ".", depth: int = 1, limit: int = 500) -> Listing:
    """The entries of a folder, by name; what lies in `.git` is left out."""
    found: list[Entry] = []
    with folder_at(root, steps_of(path, root)) as folder:
        for entry, _ in _walk(folder, "/".join(steps_of(path, root)), depth):
            if len(found) == limit:
                return Listing(entries=found, more=True)
            found.append(entry)
    return Listing(entries=found, more=False)


def search(root: Path, pattern: str, path: str = ".", glob: str = "*", limit: int = 100) -> Matches:
    """The lines of text files that match; `BadInput` for a pattern that is none."""
    expression = _compiled(pattern)
    found: list[Match] = []
    files = 0
    ends = time.monotonic() + MOST_SECONDS
    with folder_at(root, steps_of(path, root)) as folder:
        for entry, parent in _walk(folder, "/".join(steps_of(path, root)), 64):
            if entry.kind != "file" or entry.size > LARGEST or not _fits(entry.path, glob):
                continue
            if time.monotonic() > ends:
                return Matches(matches=found, files=files, more=True)
            files += 1
            for match in _matches(parent, entry, expression):
                if len(found) == limit:
                    return Matches(matches=found, files=files, more=True)
                found.append(match)
    return Matches(matches=found, files=files, more=False)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_nl = True
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise BadInput(f"{pattern!r} is no regular expression: {_words(error)}") from None


def _words(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)


def _fits(path: str, glob: str) -> bool:
    return like(path, glob) or like(path.rpartition("/")[2], glob)


def _matches(parent: int, entry: Entry, expression: Any) -> Iterator[Match]:
    try:
        descriptor = open_file(parent, entry.path.rpartition("/")[2], entry.path)
    except Exception:  # noqa: BLE001  # it is gone, or no file any more, since it was listed
        return
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(LARGEST)
    if b"\0" in data:
        return
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if expression.search(line):
            yield Match(path=entry.path, line=number, text=line[:LONGEST_LINE])


def _walk(folder: int, shown: str, depth: int) -> Iterator[tuple[Entry, int]]:
    """Every entry beneath the folder with the open folder that it lies in, sorted, at most so many."""
    left = MOST_ENTRIES
    waiting = [(iter(_entries(folder, shown)), folder)]
    try:
        while waiting:
            entries, parent = waiting[-1]
            entry = next(entries, None)
            if entry is None:
                waiting.pop()
                if waiting:
                    os.close(parent)
                continue
            left -= 1
            if left < 0:
                return
            yield entry, parent
            name = entry.path.rpartition("/")[2]
            if entry.kind == "folder" and name != GIT and len(waiting) < depth:
                inner = _opened(parent, name)
                if inner is not None:
                    waiting.append((iter(_entries(inner, entry.path)), inner))
    finally:
        for _, descriptor in waiting[1:]:
            os.close(descriptor)


def _opened(parent: int, name: str) -> int | None:
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except OSError:  # it has become something else since
        return None


def _entries(folder: int, shown: str) -> list[Entry]:
    found = []
    for name in sorted(os.listdir(folder)):
        try:
            known = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:  # it is gone
            continue
        kind = _kind(known.st_mode)
        path = f"{shown}/{name}" if shown else name
        found.append(Entry(path=path, kind=kind, size=known.st_size if kind == "file" else 0))
    return found


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"
