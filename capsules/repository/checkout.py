import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pygit2
from pydantic import BaseModel, ConfigDict

from capsules.repository.languages import language_of

_REGULAR = (pygit2.enums.FileMode.BLOB, pygit2.enums.FileMode.BLOB_EXECUTABLE)
_HEAD = 8000


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One tracked regular file of the audited commit."""

    path: str
    """Relative, with forward slashes; bytes that are not UTF-8 are shown backslash-escaped."""
    raw: bytes
    """The same path as the bytes that git and the file system know."""
    size: int
    language: str | None
    binary: bool


class Checkout(BaseModel):
    """A working copy of one commit inside the project's workspace; everything in it is data."""

    model_config = ConfigDict(frozen=True)

    root: str
    """The absolute folder of the working copy."""
    commit: str
    source: str
    """What was asked for, without credentials."""
    name: str
    default_branch: str | None = None

    @classmethod
    def of(cls, root: str | Path) -> Self:
        """The checkout of what HEAD names in the working copy at this folder."""
        folder = Path(root).absolute()
        repository = pygit2.Repository(str(folder))
        return cls(
            root=str(folder),
            commit=str(repository.head.peel(pygit2.Commit).id),
            source=str(folder),
            name=folder.name,
            default_branch=None if repository.head_is_detached else repository.head.shorthand,
        )

    def files(self) -> Iterator[SourceFile]:
        """The commit's regular files by path, without symlinks, submodules and what is missing on disk."""
        repository = pygit2.Repository(self.root)
        tree = repository[self.commit].peel(pygit2.Tree)
        for raw in _regular_paths(tree, b""):
            opened = self._open(raw)
            if opened is None:
                continue
            try:
                size, head = os.fstat(opened).st_size, os.read(opened, _HEAD)
            finally:
                os.close(opened)
            path = shown(raw)
            yield SourceFile(path=path, raw=raw, size=size, language=language_of(path), binary=b"\0" in head)

    def read(self, path: str | bytes, limit: int = 2_000_000) -> bytes | None:
        """The content, or None when it is missing, no regular file, outside the tree or above the limit."""
        for raw in _spellings(path):
            opened = self._open(raw)
            if opened is not None:
                with os.fdopen(opened, "rb") as file:
                    content = file.read(limit + 1)
                return content if len(content) <= limit else None
        return None

    def _open(self, raw: bytes) -> int | None:
        """Opens step by step from the root, so that no symlink on the way is ever followed."""
        *folders, name = raw.split(b"/")
        if b"\0" in raw or any(part in {b"", b".", b".."} for part in (*folders, name)):
            return None
        here = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = below
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
        except OSError:
            return None
        finally:
            os.close(here)
        if stat.S_ISREG(os.fstat(opened).st_mode):
            return opened
        os.close(opened)
        return None


def shown(raw: bytes) -> str:
    """A path as text that can be stored and printed whatever bytes it holds."""
    return raw.decode("utf-8", "backslashreplace")


def _regular_paths(tree: pygit2.Tree, above: bytes) -> Iterator[bytes]:
    for entry in tree:
        raw = above + (entry.raw_name or b"")
        if entry.filemode in _REGULAR:
            yield raw
        elif isinstance(entry, pygit2.Tree):
            yield from _regular_paths(entry, raw + b"/")


def _spellings(path: str | bytes) -> list[bytes]:
    """The bytes a shown path may stand for: taken literally first, then with its escapes undone."""
    if isinstance(path, bytes):
        return [path]
    literal = path.encode("utf-8", "surrogateescape")
    return [literal, _unescaped(literal)] if b"\\x" in literal else [literal]


def _unescaped(literal: bytes) -> bytes:
    first, *others = literal.split(b"\\x")
    parts = [first]
    for part in others:
        try:
            parts.append(bytes.fromhex(part[:2].decode("ascii")) + part[2:])
        except ValueError:
            parts.append(b"\\x" + part)
    return b"".join(parts)
