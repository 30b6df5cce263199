import os
from pathlib import Path

import pygit2
import pytest

from capsules.repository.checkout import Checkout


@pytest.fixture
def hostile(tmp_path: Path) -> Checkout:
    """A commit whose names and links try to lead a reader astray."""
    root = tmp_path / "hostile"
    repository = pygit2.init_repository(str(root), initial_head="main")
    (root / "package").mkdir()
    (root / "package" / "module.py").write_text("x = 1\n")
    (root / "-rf.py").write_text("y = 2\n")
    (root / "new\nline.py").write_text("z = 3\n")
    with open(os.fsencode(root) + b"/caf\xe9.py", "wb") as file:  # noqa: PTH123  # the path is bytes
        file.write(b"w = 4\n")
    (root / "picture.png").write_bytes(b"\x89PNG\0\0")
    (root / "passwd.py").symlink_to("/etc/passwd")
    (root / "above").symlink_to("..")
    repository.index.add_all()
    author = pygit2.Signature("Ada", "ada@example.org", 1_700_000_000, 0)
    repository.create_commit("HEAD", author, author, "Begin", repository.index.write_tree(), [])
    (root / "untracked.py").write_text("no\n")
    return Checkout.of(root)


def test_only_tracked_regular_files_are_listed(hostile: Checkout) -> None:
    """Symlinks and what was never committed are left out, and the rest is sorted by path."""
    paths = [file.path for file in hostile.files()]

    assert paths == ["-rf.py", "caf\\xe9.py", "new\nline.py", "package/module.py", "picture.png"]


def test_names_that_are_no_text_are_shown_escaped_and_can_be_read(hostile: Checkout) -> None:
    """The shown path of a file leads to its content, as its raw path does."""
    file = next(file for file in hostile.files() if file.raw == b"caf\xe9.py")

    assert hostile.read(file.path) == hostile.read(file.raw) == b"w = 4\n"


def test_language_size_and_binary_are_told(hostile: Checkout) -> None:
    """Each file says what it is without being read whole."""
    files = {file.path: file for file in hostile.files()}

    assert (files["package/module.py"].language, files["package/module.py"].size) == ("Python", 6)
    assert files["picture.png"].binary
    assert not files["-rf.py"].binary


@pytest.mark.parametrize(
    "path",
    [
        "passwd.py",
        "above/hostile/-rf.py",
        "../hostile/-rf.py",
        "/etc/passwd",
        "package",
        "package/../-rf.py",
        "package/module.py/x",
        "missing.py",
        "nul\0.py",
        "",
    ],
)
def test_nothing_outside_of_the_tree_is_read(hostile: Checkout, path: str) -> None:
    """A path that is no regular file inside the tree has no content."""
    assert hostile.read(path) is None


def test_a_folder_that_became_a_symlink_is_not_followed(hostile: Checkout, tmp_path: Path) -> None:
    """What is swapped on disk after the commit does not lead out of the tree either."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "module.py").write_text("secret\n")
    package = Path(hostile.root) / "package"
    (package / "module.py").unlink()
    package.rmdir()
    package.symlink_to(outside)

    assert hostile.read("package/module.py") is None
    assert "package/module.py" not in [file.path for file in hostile.files()]


def test_a_file_above_the_limit_is_not_read(hostile: Checkout) -> None:
    """The limit is the last size that is still read."""
    assert hostile.read("-rf.py", limit=6) == b"y = 2\n"
    assert hostile.read("-rf.py", limit=5) is None
