"""Reading, writing, editing and deleting the text files of a workspace."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blocks.errors import BadInput, Conflict, NotFound
from blocks.workspace.beneath import folder_at, open_file, steps_of, steps_of_a_file

LARGEST = 10_000_000
"""Bytes of a file that is read."""
LONGEST_ANSWER = 200_000
"""Characters of one answer; what is beyond is read with another offset."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some lines of a file."""

    path: str
    text: str
    first: int
    """The number of its first line, from 1."""
    lines: int
    """How many lines the file has."""
    more: bool
    """Whether lines follow."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that was written."""

    path: str
    size: int
    """In bytes."""
    created: bool


def read_text(root: Path, path: str, offset: int = 1, limit: int = 2_000) -> Piece:
    """Lines of a UTF-8 file, from `offset` on; `BadInput` for what is no text."""
    steps = steps_of(path, root)
    shown = "/".join(steps)
    lines = _text(_content(root, steps, shown), shown).splitlines(keepends=True)
    chosen: list[str] = []
    size = 0
    for line in lines[offset - 1 : offset - 1 + limit]:
        if size + len(line) > LONGEST_ANSWER and chosen:
            break
        chosen.append(line[:LONGEST_ANSWER])
        size += len(line)
    more = offset - 1 + len(chosen) < len(lines)
    return Piece(path=shown, text="".join(chosen), first=offset, lines=len(lines), more=more)


def write_text(root: Path, path: str, content: str, *, overwrite: bool = True) -> Written:
    """Write the file as a whole: whoever reads sees the old text or the new one, never a part."""
    steps = steps_of_a_file(path, root)
    shown = "/".join(steps)
    data = content.encode("utf-8", "surrogatepass")
    with folder_at(root, steps[:-1], make=True) as folder:
        before = _before(folder, steps[-1])
        if before is not None and not overwrite:
            raise Conflict(f"{shown!r} is there already")
        if before is not None and stat.S_ISDIR(before.st_mode):
            raise BadInput(f"{shown!r} is a folder")
        kept = before is not None and stat.S_ISREG(before.st_mode)
        mode = stat.S_IMODE(before.st_mode) & 0o777 if kept and before else 0o644
        _put(folder, steps[-1], data, mode, replace=overwrite)
    return Written(path=shown, size=len(data), created=before is None)


def edit_text(root: Path, path: str, old: str, new: str) -> Written:
    """Replace the one place where `old` stands; `BadInput` when it stands nowhere or more than once."""
    steps = steps_of_a_file(path, root)
    shown = "/".join(steps)
    before = _text(_content(root, steps, shown), shown)
    found = before.count(old)
    if found != 1:
        raise BadInput(f"the piece stands {found} times in {shown!r}; it has to stand there just once")
    return write_text(root, path, before.replace(old, new))


def delete_file(root: Path, path: str) -> str:
    """Delete a file (a link itself, not what it leads to) or an empty folder, and return its path."""
    steps = steps_of_a_file(path, root)
    shown = "/".join(steps)
    with folder_at(root, steps[:-1]) as folder:
        found = _before(folder, steps[-1])
        if found is None:
            raise NotFound(f"there is no file {shown!r} in the workspace")
        try:
            if stat.S_ISDIR(found.st_mode):
                os.rmdir(steps[-1], dir_fd=folder)
            else:
                os.unlink(steps[-1], dir_fd=folder)
        except OSError as error:
            raise BadInput(f"{shown!r} cannot be deleted: {_reason(error)}") from None
    return shown


def _content(root: Path, steps: tuple[str, ...], shown: str) -> bytes:
    if not steps:
        raise BadInput("the workspace itself is a folder", mend="list it with files.list")
    with folder_at(root, steps[:-1]) as folder, os.fdopen(open_file(folder, steps[-1], shown), "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise BadInput(f"{shown!r} has more than {LARGEST // 1_000_000} MB")
    return data


def _text(data: bytes, shown: str) -> str:
    if b"\0" in data:
        raise BadInput(f"{shown!r} is no text file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{shown!r} is no UTF-8 text (byte {error.start})") from None


def _before(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _put(folder: int, name: str, data: bytes, mode: int, *, replace: bool) -> None:
    aside = f".{secrets.token_hex(8)}.partial"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(aside, flags, mode, dir_fd=folder), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.link(aside, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        raise BadInput(f"{name!r} cannot be written: {_reason(error)}") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=folder)


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOTEMPTY:
        return "the folder is not empty"
    return error.strerror or type(error).__name__
