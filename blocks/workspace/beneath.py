"""Opening what lies beneath a folder, and nothing else, however the path is written and whoever changes it.

Each step of a path is opened from the one before, without following links, so a link that is put in the
way between a look and an opening is not followed either.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blocks.errors import BadInput, NotFound

DEEPEST = 64
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without waiting: a pipe that somebody put there would be waited for without end."""
GIT = ".git"


def steps_of(path: str, root: Path) -> tuple[str, ...]:
    """The names that lead from the root to the path; `BadInput` when it leads anywhere else."""
    if not path or "\0" in path:
        raise BadInput("a path has at least one character, and no NUL")
    given = path
    if path.startswith("/"):
        base = str(root).rstrip("/")
        if path != base and not path.startswith(f"{base}/"):
            raise BadInput(
                f"{path!r} is outside of the workspace", mend="give a path relative to the workspace"
            )
        given = path[len(base) :].lstrip("/")
    steps = tuple(step for step in given.split("/") if step not in {"", "."})
    if ".." in steps:
        raise BadInput(f"{path!r} goes up; give a path that stays inside of the workspace")
    if len(steps) > DEEPEST or any(len(os.fsencode(step)) > 255 for step in steps):
        raise BadInput(f"the path {path[:80]!r}… is too long")
    return steps


def steps_of_a_file(path: str, root: Path) -> tuple[str, ...]:
    """The names that lead to a file that may be changed: not the workspace itself, nothing of git's own."""
    steps = steps_of(path, root)
    if not steps:
        raise BadInput(f"{path!r} is the workspace itself; name a file in it")
    if any(step.lower() == GIT for step in steps):
        raise BadInput(f"{path!r} is git's own; the git tools change it")
    return steps


@contextmanager
def folder_at(root: Path, steps: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """The folder as an open descriptor; with `make`, what is missing of it is made."""
    descriptor = _root(root)
    try:
        for depth, step in enumerate(steps):
            shown = "/".join(steps[: depth + 1])
            following = _step(descriptor, step, shown, make=make)
            os.close(descriptor)
            descriptor = following
        yield descriptor
    finally:
        os.close(descriptor)


def _root(root: Path) -> int:
    root.mkdir(parents=True, exist_ok=True)
    return os.open(root, FOLDER)


def _step(parent: int, name: str, shown: str, *, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=parent)
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except FileNotFoundError:
        raise NotFound(f"there is no folder {shown!r} in the workspace") from None
    except OSError:
        raise BadInput(f"{shown!r} is no folder; links are not followed") from None


def open_file(parent: int, name: str, shown: str) -> int:
    """The regular file as an open descriptor; `NotFound`, or `BadInput` for whatever else is there."""
    try:
        descriptor = os.open(name, FILE, dir_fd=parent)
    except FileNotFoundError:
        raise NotFound(f"there is no file {shown!r} in the workspace") from None
    except OSError:
        raise BadInput(f"{shown!r} cannot be opened as a file; links are not followed") from None
    try:
        _only_a_file(os.fstat(descriptor), shown)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _only_a_file(found: os.stat_result, shown: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise BadInput(f"{shown!r} is a folder", mend="list it with files.list")
    if not stat.S_ISREG(found.st_mode):
        raise BadInput(f"{shown!r} is no regular file")
    if found.st_nlink > 1:
        raise BadInput(f"{shown!r} has another name somewhere else, so it is not opened (a hard link)")
