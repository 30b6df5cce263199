"""The runs that a fork server holds: forked, watched, stopped and reaped, with all that they start."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blocks.warm_worker.capture import Capture
from blocks.warm_worker.limits import over_limit
from blocks.warm_worker.processes import children

LAST_SECONDS = 1.5
LOOK_SECONDS = 1.0
"""How often the memory of limited runs is measured."""
CANCEL_SIGNAL = signal.SIGUSR2
"""Tells a run that the SIGTERM behind it is a cancellation, not a crash (see `blocks.warm_worker.run`)."""


@dataclass(kw_only=True)
class Held:
    """One run that has a process."""

    pid: int
    grace: float = 10.0
    """Seconds that it has to end by itself when it is asked to."""
    memory_mb: int | None = None
    deadline: float | None = None
    """When it is killed, on the clock that never goes back; None unless it was asked to stop."""
    reason: str | None = None
    """Why the fork server has killed it."""
    capture: Capture | None = None

    def state(self) -> dict[str, Any]:
        return {
            "pid": self.pid,
            "grace": self.grace,
            "memory_mb": self.memory_mb,
            "deadline": self.deadline,
            "reason": self.reason,
            "capture": self.capture.state() if self.capture else None,
        }

    @classmethod
    def go_on(cls, state: dict[str, Any]) -> "Held":
        capture = state.pop("capture")
        return cls(**state, capture=Capture.go_on(capture) if capture else None)


class Runs:
    """The runs by their ids, and how those ended of whose end nobody has taken note."""

    def __init__(self, on_ended: Callable[[str, Held, int], None]) -> None:
        self.held: dict[str, Held] = {}
        self.ended: dict[str, tuple[int, str | None]] = {}
        """Run id -> exit status, and why the run was killed if it was."""
        self.on_ended = on_ended
        """Told of the run, what was held of it, and its exit status."""
        self._next_look = 0.0

    def patience(self) -> float | None:
        """For how long nothing needs to be done unless something happens."""
        times = [held.deadline for held in self.held.values() if held.deadline is not None]
        if any(held.memory_mb for held in self.held.values()):
            times.append(self._next_look)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def ask_to_stop(self, run: str) -> None:
        """Let the run end as cancelled; its whole family is killed when its grace is over."""
        held = self.held.get(run)
        if held is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(held.pid, CANCEL_SIGNAL)
            os.kill(held.pid, signal.SIGTERM)
        if held.deadline is None:
            held.deadline = time.monotonic() + held.grace

    def watch(self) -> None:
        """Kill what has outstayed its grace or takes more memory than it may."""
        now = time.monotonic()
        for held in self.held.values():
            if held.deadline is not None and held.deadline <= now:
                held.deadline = None
                self.kill(held)
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._measure()

    def _measure(self) -> None:
        limited = {held.pid: held for held in self.held.values() if held.memory_mb and not held.reason}
        if not limited:
            return
        for pid, used in over_limit({pid: held.memory_mb or 0 for pid, held in limited.items()}).items():
            held = limited[pid]
            held.reason = (
                f"the run used {used} MB of memory, more than its limit of {held.memory_mb} MB, "
                "and was ended; raise its job variable `memory_mb` or give it less to do at once"
            )
            self.kill(held)

    def kill(self, held: Held) -> None:
        """End the run's process and those of its group at once."""
        for end in (os.kill, os.killpg):  # right after the fork it has no group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(held.pid, signal.SIGKILL)

    def reap(self) -> None:
        """Take note of each run that has ended, and end what it started and left behind."""
        reaped = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            reaped = True
            for run in [run for run, held in self.held.items() if held.pid == pid]:
                self._end(run, os.waitstatus_to_exitcode(status))
        if reaped:
            self._end_orphans()

    def _end(self, run: str, status: int) -> None:
        held = self.held.pop(run)
        self.kill(held)
        self.ended[run] = (status, held.reason)
        self.on_ended(run, held, status)

    def _end_orphans(self) -> None:
        """Kill the processes of ended runs that had left their group: they are children of this one now."""
        known = {held.pid for held in self.held.values()}
        for orphan in set(children(os.getpid())) - known:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)

    def end_all(self) -> None:
        """Let every run report its end to Prefect, for a short while."""
        end = time.monotonic() + LAST_SECONDS
        for held in self.held.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(held.pid, signal.SIGTERM)
        while self.held and time.monotonic() < end:
            time.sleep(0.05)
            self.reap()
        for held in self.held.values():
            self.kill(held)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on in a new interpreter of the same process."""
        return {"held": {run: held.state() for run, held in self.held.items()}, "ended": self.ended}

    def go_on(self, state: dict[str, Any]) -> None:
        """Go on where the interpreter before this one stopped."""
        self.held = {run: Held.go_on(held) for run, held in state["held"].items()}
        self.ended = {run: (status, reason) for run, (status, reason) in state["ended"].items()}
