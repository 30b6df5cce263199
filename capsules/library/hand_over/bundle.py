"""Reading what a repository holds, from a copy that git itself made of its bundle inside of the sandbox.

The repository in the workspace was in the hands of programs, and its settings can lead a reader elsewhere.
The copy was made of the bundle alone: it has no settings, no hooks and no objects of others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2

from blocks.errors import BadInput
from blocks.workspace.beneath import folder_at, open_file

FOLDER = "hand-over"
COPY, BUNDLE = "copy.git", "repository.bundle"
LARGEST_BUNDLE = 50_000_000
LARGEST_TEXT = 1_000_000
MOST_FILES, MOST_TEXT = 2_000, 5_000_000
"""Files and characters of a whole history; a larger one is not handed over."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the bundle holds."""

    commit: str
    files: dict[str, int]
    """Size of each file of the last commit."""
    texts: dict[str, str]
    """Every text of the whole history: by path, and earlier ones by path and object id."""


def read_bundle(root: Path) -> bytes:
    """The bundle that lies in the workspace."""
    with folder_at(root, (FOLDER,)) as folder, open(open_file(folder, BUNDLE, BUNDLE), "rb") as file:  # noqa: PTH123  # it is a descriptor
        content = file.read(LARGEST_BUNDLE + 1)
    if len(content) > LARGEST_BUNDLE:
        raise BadInput(f"the repository has more than {LARGEST_BUNDLE // 1_000_000} MB as a bundle")
    return content


def read_held(root: Path) -> Held:
    """What the copy beside the bundle holds; `BadInput` when that is too much to look at."""
    with folder_at(root, (FOLDER, COPY)):
        repository = pygit2.Repository(str(root / FOLDER / COPY), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
    head = repository.references["refs/heads/main"].peel(pygit2.Commit)
    files = {path: blob.size for path, blob in _blobs(head.tree)}
    texts: dict[str, str] = {}
    seen: set[str] = set()
    room = MOST_TEXT
    for commit in repository.walk(head.id, pygit2.enums.SortMode.TOPOLOGICAL):
        for path, blob in _blobs(commit.tree):
            if str(blob.id) in seen:
                continue
            seen.add(str(blob.id))
            if (text := _text(blob)) is not None:
                texts[path if path not in texts else f"{path} ({str(blob.id)[:12]})"] = text
                room -= len(text)
            if room < 0 or len(seen) > MOST_FILES:
                raise BadInput("the repository's history is too large to be looked through and handed over")
    return Held(commit=str(head.id), files=files, texts=texts)


def _blobs(tree: pygit2.Tree, before: str = "") -> Iterator[tuple[str, pygit2.Blob]]:
    for entry in tree:
        path = f"{before}{entry.name}"
        if isinstance(entry, pygit2.Tree):
            yield from _blobs(entry, f"{path}/")
        elif isinstance(entry, pygit2.Blob):
            yield path, entry


def _text(blob: pygit2.Blob) -> str | None:
    if blob.size > LARGEST_TEXT or blob.is_binary:
        return None
    try:
        return blob.data.decode("utf-8")
    except UnicodeDecodeError:
        return None
