"""One hub for each data folder: its lock, and the note that says where the running hub is."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from blocks.errors import Conflict
from blocks.settings import Settings

ATTEMPTS = 6
"""Somebody who only looks whether a hub is up holds the lock for a moment."""


class AlreadyUp(Conflict):
    """A hub already runs on this data folder."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class HubInfo:
    """Where a running hub is."""

    pid: int
    data_dir: str
    gateway: str
    prefect: str
    state: str = "starting"
    """`starting`, `ready` or `stopping`."""


class HubLock:
    """Held by the one supervisor of a data folder for as long as it lives, however it dies."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        file = _lock_path(self.settings).open("a")
        for _ in range(ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
            else:
                self._file = file
                return
        file.close()
        raise _already_up(self.settings)

    def note(self, state: str) -> None:
        """Write down where this hub is and what it does, for the command line."""
        info = HubInfo(
            pid=os.getpid(),
            data_dir=str(self.settings.data_dir),
            gateway=self.settings.gateway_url,
            prefect=self.settings.prefect_api_url.removesuffix("/api"),
            state=state,
        )
        draft = info_path(self.settings).with_suffix(".new")
        draft.write_text(json.dumps(asdict(info)))
        draft.replace(info_path(self.settings))

    def release(self) -> None:
        if self._file:
            info_path(self.settings).unlink(missing_ok=True)
            self._file.close()
            self._file = None


def running_hub(settings: Settings) -> HubInfo | None:
    """The hub that runs on this data folder, or None."""
    try:
        with _lock_path(settings).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _noted(settings)
    except OSError:
        return None
    return None


def info_path(settings: Settings) -> Path:
    return settings.data_dir / "hub.json"


def _lock_path(settings: Settings) -> Path:
    return settings.data_dir / "hub.lock"


def _noted(settings: Settings) -> HubInfo | None:
    try:
        return HubInfo(**json.loads(info_path(settings).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _already_up(settings: Settings) -> AlreadyUp:
    info = _noted(settings)
    where = f" (pid {info.pid}, gateway {info.gateway})" if info else ""
    return AlreadyUp(f"this hub is already up{where}; data folder {settings.data_dir}")
