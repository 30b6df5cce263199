"""What the kernel tells about processes: which descend from which, and how much memory they take."""

import contextlib
import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PR_SET_CHILD_SUBREAPER = 36
HAS_LISTS = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists()


@dataclass(frozen=True, kw_only=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    state: str
    resident: int
    """Bytes in memory, those shared with other processes too."""


def processes() -> dict[int, Process]:
    """Every process; empty where the kernel shows none."""
    found = {}
    for name in os.listdir("/proc") if Path("/proc/self").exists() else []:  # noqa: PTH208
        if name.isdigit() and (process := look(int(name))):
            found[process.pid] = process
    return found


def look(pid: int) -> Process | None:
    """The process, or None when there is none of that id."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return Process(pid=pid, parent=int(fields[1]), state=fields[0], resident=int(fields[21]) * PAGE_BYTES)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    found = look(pid)
    return found is not None and found.state not in {"Z", "X"}


def children(pid: int) -> list[int]:
    """The processes that `pid` is the parent of; from the whole table where the kernel keeps no lists."""
    if not HAS_LISTS:
        return [process.pid for process in processes().values() if process.parent == pid]
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def family(pid: int) -> list[Process]:
    """The process and all that descend from it; it costs what the family's size costs, not the table's."""
    found, waiting = [], [pid]
    while waiting:
        member = waiting.pop()
        if process := look(member):
            found.append(process)
            waiting += children(member)
    return found


def own_memory(pid: int) -> int:
    """The bytes that the process takes: memory shared by several counts for each of them in part.

    Right after a fork nearly all is shared with the fork server, so the resident size would mislead.
    """
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss:", "SwapPss:")):
                total += int(line.split()[1]) * 1024
    return total


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, instead of the system's first process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
