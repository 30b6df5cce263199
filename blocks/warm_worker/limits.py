"""What one run may take: memory, open files, and no core dumps, which would hold secrets."""

import resource
from dataclasses import dataclass
from typing import Any

from blocks.warm_worker.processes import family, own_memory

MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one run; None is none."""

    memory_mb: int | None = None
    """Of the run's process and all below it, together."""
    open_files: int | None = None
    grace_seconds: float = 10.0
    """From its cancellation until it is killed."""

    @classmethod
    def of(cls, message: dict[str, Any]) -> "Limits":
        return cls(**(message.get("limits") or {}))

    def apply(self) -> None:
        """Set what the kernel can watch; memory is measured by the fork server, see `used_megabytes`."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.open_files is not None:
            hardest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            most = self.open_files if hardest < 0 else min(self.open_files, hardest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def over_limit(limited: dict[int, int]) -> dict[int, int]:
    """Which processes take more megabytes than they may, with all below them: process id -> megabytes.

    `limited` maps process ids to limits. The resident size, which is never less than what is sought and
    costs next to nothing to read, is looked at first.
    """
    found = {}
    for pid, most in limited.items():
        members = family(pid)
        if sum(process.resident for process in members) > most * MEGABYTE:
            used = sum(own_memory(process.pid) for process in members)
            if used > most * MEGABYTE:
                found[pid] = used // MEGABYTE
    return found
