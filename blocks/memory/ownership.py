"""Exactly one process owns an embedded store."""

import fcntl
import os
from pathlib import Path

from blocks.errors import Conflict


class MemoryLocked(Conflict):
    """Another process has the memory open. Talk to it through the gateway, or stop it first."""


class Ownership:
    """A lock on a file, held by this process until released or until the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, file: Path) -> "Ownership":
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise MemoryLocked(
                f"the memory in {str(file.parent)!r} is open in process {owner or 'unknown'}",
                mend="talk to it through the gateway, or stop that process first",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
