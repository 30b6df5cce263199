"""Files that appear all at once or not at all."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from blocks.errors import BadInput

MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".cdx.json": "application/vnd.cyclonedx+json",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}


class Deliverable(BaseModel):
    """One published file."""

    model_config = ConfigDict(frozen=True)

    name: str
    path: str
    media_type: str
    size: int
    sha256: str


class Deliverables(BaseModel):
    """What a project hands back; `report` names the file to open first."""

    model_config = ConfigDict(frozen=True)

    folder: str
    report: str
    files: list[Deliverable]


def describe_files(folder: str, files: Mapping[str, bytes]) -> list[Deliverable]:
    """What the files will be once they are written."""
    return [_describe(Path(folder), name, content) for name, content in sorted(files.items())]


def write_folder(folder: str, files: Mapping[str, bytes]) -> list[Deliverable]:
    """Make the folder hold exactly these files; a second time with the same files changes nothing."""
    target = Path(folder)
    described = describe_files(folder, files)
    if not target.is_absolute():
        raise BadInput(
            f"the deliverables folder {folder!r} is not an absolute path", mend="give an absolute path"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        _sweep(target)
        if not _holds(target, described):
            _refuse_strangers(target, files)
            _swap(target, files)
    return described


def _describe(folder: Path, name: str, content: bytes) -> Deliverable:
    return Deliverable(
        name=name,
        path=str(folder / name),
        media_type=media_type(name),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def media_type(name: str) -> str:
    """By the ending of the name."""
    return next(
        (kind for ending, kind in MEDIA_TYPES.items() if name.endswith(ending)), "application/octet-stream"
    )


def _holds(target: Path, described: list[Deliverable]) -> bool:
    try:
        present = {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest() for entry in target.iterdir()}
    except OSError:
        return False
    return present == {file.name: file.sha256 for file in described}


def _refuse_strangers(target: Path, files: Mapping[str, bytes]) -> None:
    """What somebody else put there is not ours to remove."""
    strangers = (
        sorted(entry.name for entry in target.iterdir() if entry.name not in files) if target.is_dir() else []
    )
    if strangers or (target.exists() and not target.is_dir()):
        what = f"holds other files, such as {strangers[0]!r}" if strangers else "is not a folder"
        raise BadInput(
            f"the deliverables folder {str(target)!r} {what}", mend="publish into a folder of its own"
        )


def _swap(target: Path, files: Mapping[str, bytes]) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    for name, content in files.items():
        with (fresh / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    fresh.chmod(0o755)
    _sync(fresh)
    if target.exists():
        target.rename(fresh.with_suffix(".replaced"))
    fresh.rename(target)
    _sync(target.parent)
    shutil.rmtree(fresh.with_suffix(".replaced"), ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what an attempt that died left behind."""
    for ending in ("partial", "replaced"):
        for leftover in target.parent.glob(f".{_literal(target.name)}.*.{ending}"):
            shutil.rmtree(leftover, ignore_errors=True)


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Two attempts of one project never write at the same time."""
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
