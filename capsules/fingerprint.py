"""The fingerprint of a capsule: which code runs, whatever version its manifest claims."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from blocks.plain import digest

LEFT_OUT = frozenset({"__pycache__", ".DS_Store"})
"""What running and looking at a folder leaves in it; no part of the capsule."""


@cache
def capsule_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the capsule's files, as `sha256:…`; read once a process.

    The process goes on with the code that it has loaded, so the digest does not follow later edits.
    Raises `OSError` when a file cannot be read.
    """
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(folder)
    }
    return f"sha256:{digest(files)}"


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and path.suffix != ".pyc" and not LEFT_OUT & set(parts):
            yield path
