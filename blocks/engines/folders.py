"""The folders that the embedded engines live in."""

import os
from pathlib import Path

from blocks.errors import SomaError
from blocks.settings import Settings


class FolderRefused(SomaError):
    """A folder of the hub cannot be used."""

    exit_code = 2


def make_folders(settings: Settings) -> None:
    """Make the data folder and the private folder for sockets, or say why they cannot be used."""
    for folder in (
        settings.data_dir,
        settings.logs_path,
        settings.results_path,
        settings.workspaces_path,
        settings.data_dir / "prefect",
    ):
        _make(folder)
    make_private(settings.runtime_path)


def make_private(folder: Path) -> None:
    """Make `folder` readable by its owner alone; refuse it when somebody else made it first."""
    _make(folder, mode=0o700)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        raise FolderRefused(
            f"the folder for sockets, {folder}, belongs to user {found.st_uid} or is a link; "
            "remove it, or set TMPDIR to a folder of your own",
            path=str(folder),
        )
    folder.chmod(0o700)


def _make(folder: Path, mode: int = 0o755) -> None:
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderRefused(
            f"the folder {folder} cannot be made: {error.strerror}; set SOMA_DATA_DIR to one that can",
            path=str(folder),
        ) from None
