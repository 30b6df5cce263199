"""Repositories that a test writes down as a mapping from path to content."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pygit2
import pytest

from capsules.environment import SHIPPED_CONSTITUTION
from capsules.repository.checkout import Checkout

Files = Mapping[str | bytes, str | bytes]


@pytest.fixture(autouse=True)
def shipped_constitution(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped constitution is in force as it lies, since no gateway activates it here."""
    monkeypatch.setenv("SOMA_CONSTITUTION", str(SHIPPED_CONSTITUTION))


@pytest.fixture
def commit(tmp_path: Path) -> Callable[[Files], Checkout]:
    """Commits the given files to a new repository and checks it out."""

    def make(files: Files) -> Checkout:
        root = tmp_path / "example"
        repository = pygit2.init_repository(str(root), initial_head="main")
        for path, content in files.items():
            write(os.fsencode(root) + b"/" + os.fsencode(path), content)
        repository.index.add_all()
        tree = repository.index.write_tree()
        author = pygit2.Signature("Ada", "ada@example.org", 1_700_000_000, 0)
        repository.create_commit("HEAD", author, author, "Begin", tree, [])
        return Checkout.of(root)

    return make


def write(path: bytes, content: str | bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  # the path is bytes
    with open(path, "wb") as file:  # noqa: PTH123  # the path is bytes
        file.write(content.encode() if isinstance(content, str) else content)
