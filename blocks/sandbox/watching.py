"""Counting what everything in a jail uses up together, from inside: process 1 of the jail looks."""

import os
import stat
import time
from pathlib import Path

from blocks.sandbox.order import Ending, Limits

EVERY = 0.05
"""Seconds between two looks at processes and memory."""
SHARE = 20
"""The disk is looked at so seldom that it takes no more than one part in so many of the time."""
MB = 1_000_000


class Watch:
    """What is used up, and which limit it has passed."""

    def __init__(self, limits: Limits, workspace: str) -> None:
        self._limits = limits
        self._workspace = workspace
        self._ends = time.monotonic() + limits.seconds
        self._next_disk = 0.0
        self._before = disk_use(workspace) if workspace else (0, 0)

    def passed(self) -> Ending | None:
        """The limit that has been passed, if any."""
        if time.monotonic() > self._ends:
            return "time"
        pids = [path.name for path in Path("/proc").iterdir() if path.name.isdigit() and path.name != "1"]
        if len(pids) > self._limits.processes:
            return "processes"
        if sum(map(_memory, pids)) + _scratch() > self._limits.memory_mb * MB:
            return "memory"
        return self._disk_passed(pids)

    def _disk_passed(self, pids: list[str]) -> Ending | None:
        now = time.monotonic()
        if not self._workspace or now < self._next_disk:
            return None
        size, files = disk_use(self._workspace)
        size += sum(map(_unlinked, pids))
        self._next_disk = now + max(0.5, SHARE * (time.monotonic() - now))
        grown = size - self._before[0] > self._limits.grown_mb * MB
        return "disk" if grown or files - self._before[1] > self._limits.grown_files else None


def disk_use(folder: str) -> tuple[int, int]:
    """The bytes and the number of the files beneath the folder, without following links."""
    size, files = 0, 0
    waiting = [folder]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:  # it is gone, or nobody may look
            continue
        for entry in entries:
            files += 1
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
            except OSError:  # it is gone
                continue
    return size, files


def _memory(pid: str) -> int:
    """The bytes that are in memory for this process and for no file."""
    try:
        lines = Path("/proc", pid, "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # it has ended
        return 0
    kept = [line.split() for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(words[1]) * 1024 for words in kept)


def _scratch() -> int:
    found = os.statvfs("/tmp")  # noqa: S108  # the jail's own
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _unlinked(pid: str) -> int:
    """The bytes of files that have no name any more, but are kept open."""
    size = 0
    try:
        for path in Path("/proc", pid, "fd").iterdir():
            found = path.stat()
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                size += found.st_blocks * 512
    except OSError:  # it has ended
        return size
    return size
