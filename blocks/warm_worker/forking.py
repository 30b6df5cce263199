"""Forking one run: its output goes to a pipe, and it lets go of all that belongs to the fork server."""

import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from blocks.engines.child import die_with_parent
from blocks.warm_worker.capture import Capture
from blocks.warm_worker.limits import Limits
from blocks.warm_worker.processes import adopt_orphans
from blocks.warm_worker.run_log import RunLog


@dataclass(frozen=True, kw_only=True)
class Open:
    """What the fork server has open."""

    sockets: list[socket.socket]
    files: list[int]
    selector: selectors.BaseSelector

    def close(self) -> None:
        self.selector.close()
        for open_socket in self.sockets:
            open_socket.close()
        for number in self.files:
            os.close(number)


def fork(message: dict[str, Any], opened: Open) -> tuple[int, Capture | None]:
    """Start the run that `message` names; returns its process id and where its output is read.

    A message without `log` asks for no log: what it says goes where the fork server's own words go.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    log = message.get("log")
    reading, writing = os.pipe() if log else (-1, -1)
    pid = os.fork()
    if not pid:
        _run(message, opened, reading, writing)
    if not log:
        return pid, None
    os.close(writing)
    return pid, Capture(reading, RunLog(Path(log["path"]), message["run"], log.get("secrets") or ()))


def _run(message: dict[str, Any], opened: Open, reading: int, writing: int) -> NoReturn:
    status = 1
    try:
        _become_run(opened)
        if writing >= 0:
            for number in (1, 2):
                os.dup2(writing, number)
            os.close(reading)
            os.close(writing)
        Limits.of(message).apply()
        from blocks.warm_worker.run import run_in_child  # noqa: PLC0415  # Prefect stays out of this file

        status = run_in_child(message)
    finally:
        os._exit(status)


def _become_run(opened: Open) -> None:
    die_with_parent(signal.SIGKILL)
    adopt_orphans()
    os.setsid()
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    opened.close()
