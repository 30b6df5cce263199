"""What the kernel tells of the memory of the container that this process is in."""

import re
from pathlib import Path

V2 = Path("/sys/fs/cgroup")
V1 = Path("/sys/fs/cgroup/memory")


def was_short(roots: tuple[Path, Path] = (V2, V1)) -> str | None:
    """That something here was killed for want of memory, with the limit, in words; None if nothing was."""
    second, first = roots
    for events, limit in (
        (second / "memory.events", second / "memory.max"),
        (first / "memory.oom_control", first / "memory.limit_in_bytes"),
    ):
        killed = re.search(r"^oom_kill (\d+)$", _read(events), re.MULTILINE)
        if killed is not None and int(killed[1]) > 0:
            return f"its pod ran out of memory{_shown(_read(limit).strip())}"
    return None


def _shown(limit: str) -> str:
    if not limit.isdigit():
        return ""
    return f" ({int(limit) / 2**20:.0f} MiB); raise `runtime.resources.limits.memory` in its capsule.yaml"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
