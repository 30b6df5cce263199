"""Which repository somebody means on the command line."""

import re
from pathlib import Path

from blocks.errors import BadInput

ADDRESS = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://|^[^/\\:]+@[^/\\:]+:")
"""A URL, or git's short form `user@host:path`."""


def repository_source(given: str | None) -> str:
    """The URL as given, or the absolute folder of a local repository; the one around here by default."""
    if given is None:
        return str(_around(Path.cwd()))
    if ADDRESS.match(given):
        return given
    folder = Path(given).expanduser().absolute()
    if not folder.is_dir():
        raise BadInput(f"there is no folder {given!r}; name a git repository's folder or its URL")
    if not is_repository(folder):
        raise BadInput(f"{given!r} is not a git repository; name a repository's own folder or its URL")
    return str(folder)


def _around(here: Path) -> Path:
    for folder in (here, *here.parents):
        if is_repository(folder):
            return folder
    raise BadInput(f"{here} is not inside of a git repository; name one with --repo")


def is_repository(folder: Path) -> bool:
    """Whether the folder is a working copy or a bare repository."""
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    return (folder / ".git").exists() or bare
