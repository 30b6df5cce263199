import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.errors import BadInput, Conflict, NotFound, SomaError
from blocks.workspace.looking import list_folder, search
from blocks.workspace.texts import delete_file, edit_text, read_text, write_text

SECRET = "the secret of the machine"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the workspace, with something in it that nobody may read."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    return folder


def test_what_is_written_is_read(root: Path):
    """Folders above a new file are made, and the answer says whether it was there."""
    assert write_text(root, "src/app.py", "a = 1\nb = 2\n").created
    assert not write_text(root, "src/app.py", "a = 1\nb = 3\nc = 4\n").created

    piece = read_text(root, "src/app.py", 2, 1)

    assert (piece.text, piece.first, piece.lines, piece.more) == ("b = 3\n", 2, 3, True)


def test_a_new_file_does_not_replace_one_that_is_there(root: Path):
    """Unless that is wanted, the old one stays as it is."""
    write_text(root, "a.txt", "old")

    with pytest.raises(Conflict, match="there already"):
        write_text(root, "a.txt", "new", overwrite=False)

    assert read_text(root, "a.txt").text == "old"


def test_the_way_a_file_may_be_run_outlasts_writing_it(root: Path):
    """A script stays one."""
    write_text(root, "run.sh", "#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)

    write_text(root, "run.sh", "#!/bin/sh\necho hi\n")

    assert (root / "run.sh").stat().st_mode & 0o777 == 0o755


def test_an_edit_needs_one_place(root: Path):
    """What stands there twice, or nowhere, is not guessed at."""
    write_text(root, "a.txt", "one two two")

    edit_text(root, "a.txt", "one", "three")
    for piece, times in (("two", 2), ("four", 0)):
        with pytest.raises(BadInput, match=f"stands {times} times"):
            edit_text(root, "a.txt", piece, "x")

    assert read_text(root, "a.txt").text == "three two two"


def test_the_folder_is_listed_and_searched(root: Path):
    """By name, as deep as asked, without what is git's own, and by a regular expression."""
    for path in ("b/c/d.py", "b/e.py", "a.txt"):
        write_text(root, path, f"import os\n# {path}\n")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("import nothing")

    flat, deep = list_folder(root), list_folder(root, "b", 5)
    found = search(root, "^import", glob="*.py")

    assert [(entry.path, entry.kind) for entry in flat.entries] == [
        (".git", "folder"),
        ("a.txt", "file"),
        ("b", "folder"),
    ]
    assert [entry.path for entry in deep.entries] == ["b/c", "b/c/d.py", "b/e.py"]
    assert [(match.path, match.line) for match in found.matches] == [("b/c/d.py", 1), ("b/e.py", 1)]
    assert list_folder(root, depth=9, limit=2).more
    assert search(root, "import", limit=1).more


def test_a_pattern_that_is_none_is_said_to_be(root: Path):
    """Nothing is searched, and nobody has to guess why."""
    with pytest.raises(BadInput, match="no regular expression"):
        search(root, "(")


USES: dict[str, Callable[[Path, str], object]] = {
    "read": read_text,
    "write": lambda root, path: write_text(root, path, "x"),
    "edit": lambda root, path: edit_text(root, path, SECRET, "x"),
    "delete": delete_file,
    "list": list_folder,
    "search": lambda root, path: search(root, "secret", path),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.txt",
        "a/../../outside/secret.txt",
        "/etc/passwd",
        "link/secret.txt",
        "deep/link/secret.txt",
        "\0",
        "",
        "a/" * 80 + "b",
        "n" * 300,
    ],
)
def test_nothing_outside_is_reached(use: str, path: str, root: Path, outside: Path):
    """Neither up, nor by an absolute path, nor through a link to a folder, nor by a path that is none."""
    (root / "deep").mkdir(parents=True)
    for link in (root / "link", root / "deep" / "link"):
        link.symlink_to(outside)

    with pytest.raises((BadInput, NotFound)):
        USES[use](root, path)

    assert (outside / "secret.txt").read_text() == SECRET


def test_a_workspace_in_the_place_of_another_ones_beginning_is_outside(root: Path):
    """`/workspace-2` begins like `/workspace`, and is another folder."""
    with pytest.raises(BadInput, match="outside of the workspace"):
        read_text(root, f"{root}-2/a.txt")


@pytest.mark.parametrize("use", ["read", "edit"])
def test_links_to_files_are_not_followed(use: str, root: Path, outside: Path):
    """Neither a symbolic one, nor a second name of a file that lies elsewhere, nor a pipe that never ends."""
    root.mkdir()
    (root / "symbolic").symlink_to(outside / "secret.txt")
    (root / "hard").hardlink_to(outside / "secret.txt")
    os.mkfifo(root / "pipe")

    for path in ("symbolic", "hard", "pipe"):
        with pytest.raises(BadInput):
            USES[use](root, path)

    assert search(root, "secret").matches == []
    assert (outside / "secret.txt").read_text() == SECRET


def test_writing_to_a_link_replaces_the_link(root: Path, outside: Path):
    """What it led to stays as it is, whichever kind of link it was; deleting removes the link alone."""
    root.mkdir()
    (root / "symbolic").symlink_to(outside / "secret.txt")
    (root / "hard").hardlink_to(outside / "secret.txt")
    (root / "gone").symlink_to(outside / "secret.txt")

    for path in ("symbolic", "hard"):
        write_text(root, path, "mine")
    delete_file(root, "gone")

    assert (outside / "secret.txt").read_text() == SECRET
    assert [read_text(root, path).text for path in ("symbolic", "hard")] == ["mine", "mine"]


@pytest.mark.parametrize("path", [".git/config", ".git/hooks/pre-commit", "sub/.git/config", ".GIT/config"])
def test_what_is_gits_own_is_not_written(path: str, root: Path):
    """A hook or a setting would be a program that runs later."""
    for use in ("write", "delete"):
        with pytest.raises(BadInput, match="git's own"):
            USES[use](root, path)


def test_what_is_no_text_is_not_read_as_one(root: Path):
    """Bytes that are none would come back as something else."""
    root.mkdir()
    (root / "zero").write_bytes(b"a\0b")
    (root / "latin").write_bytes("für".encode("latin-1"))
    (root / "large").write_bytes(b"a" * 10_000_001)

    for path, reason in (("zero", "no text"), ("latin", "no UTF-8"), ("large", "10 MB")):
        with pytest.raises(BadInput, match=reason):
            read_text(root, path)


def test_a_folder_with_something_in_it_is_not_deleted(root: Path):
    """Only what is named goes away."""
    write_text(root, "a/b.txt", "x")

    with pytest.raises(BadInput, match="not empty"):
        delete_file(root, "a")
    delete_file(root, "a/b.txt")
    delete_file(root, "a")

    assert list_folder(root).entries == []


def test_whoever_swaps_a_folder_for_a_link_gains_nothing(root: Path, outside: Path):
    """A path is opened step by step, so there is no moment between a look and an opening."""
    inner, link = root / "inner", root / "link"
    inner.mkdir(parents=True)
    (inner / "secret.txt").write_text("harmless")
    link.symlink_to(outside)
    stop, libc = threading.Event(), ctypes.CDLL(None)

    def swap() -> None:
        exchange, here = 2, -100
        names = [str(path).encode() for path in (inner, link)]
        while not stop.is_set():
            libc.renameat2(here, names[0], here, names[1], exchange)

    seen: set[str] = set()
    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(300):
            try:
                seen.add(read_text(root, "inner/secret.txt").text)
                write_text(root, "inner/secret.txt", "harmless")
            except SomaError as error:
                seen.add(type(error).__name__)
    finally:
        stop.set()
        swapping.join()

    assert SECRET not in seen
    assert "harmless" in seen
    assert (outside / "secret.txt").read_text() == SECRET
