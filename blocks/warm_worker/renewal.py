"""When a fork server replaces itself by a fresh interpreter in the same process, and what it hands over.

Its runs stay its children, their output and their limits stay with them, and the socket stays open.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from blocks.warm_worker.limits import MEGABYTE
from blocks.warm_worker.processes import own_memory

MODULE = "blocks.warm_worker.fork_server"


@dataclass(kw_only=True)
class Wear:
    """How long the interpreter has served, and how long it may."""

    most_forks: int = 1000
    most_growth_mb: int = 256
    forks: int = 0
    fresh_bytes: int = 0

    def begin(self) -> None:
        """Note how much memory it takes before it has served anything."""
        self.fresh_bytes = own_memory(os.getpid())

    @property
    def is_worn(self) -> bool:
        """Whether a fresh interpreter is due; asked where waiting a few seconds hurts nobody."""
        if self.forks >= self.most_forks:
            return True
        return (
            bool(self.forks) and own_memory(os.getpid()) > self.fresh_bytes + self.most_growth_mb * MEGABYTE
        )


def begin_anew(state: dict[str, Any], passed_on: Sequence[int], options: Sequence[str]) -> NoReturn:
    """Replace this interpreter; `passed_on` are the open files that the next one goes on with.

    The state goes through a file in memory: it holds secrets, which a command line would show.
    """
    file = os.memfd_create("soma-runs")
    with os.fdopen(os.dup(file), "w") as writer:
        json.dump(state, writer)
    os.lseek(file, 0, os.SEEK_SET)
    for number in (file, *passed_on):
        os.set_inheritable(number, True)  # noqa: FBT003
    arguments = [sys.executable, "-m", MODULE, "--state", str(file), *options]
    os.execv(sys.executable, arguments)  # noqa: S606  # ourselves again


def handed_over(file: int) -> dict[str, Any]:
    """What the interpreter before this one handed over."""
    with os.fdopen(file) as reader:
        state: dict[str, Any] = json.load(reader)
    return state
