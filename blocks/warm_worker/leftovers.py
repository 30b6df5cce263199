"""Finds and ends what a fork server that was killed has left behind: processes that its runs had started."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

MARK = "SOMA_FORK_SERVER"
"""In the environment of the fork server, hence of everything below it; its value is the socket's path."""


def end_leftovers(socket: Path) -> list[int]:
    """Kill every process below a former fork server on `socket`; returns their ids."""
    found = list(marked(socket))
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return found


def marked(socket: Path) -> Iterator[int]:
    """The processes, but for this one, whose environment names the fork server on `socket`."""
    wanted = f"{MARK}={socket}".encode()
    for name in os.listdir("/proc") if Path("/proc/self").exists() else []:  # noqa: PTH208
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                yield int(name)
