"""One supervised process: started, watched, restarted when it dies, stopped."""

import asyncio
import contextlib
import functools
import math
import signal
import time
from collections.abc import Callable

from blocks.engines.child import Child, die_with_parent
from blocks.errors import SomaError
from ui.supervisor.log import ChildLog

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
"""Seconds before a child that ends before it is ready is started again, at most."""
LONGEST_DELAY_OF_WELL = 4.0
"""The same of a child that was ready: it can start, so what ended it came from outside."""
HEALTHY_SECONDS = 60.0
PROBE_SECONDS = 0.05
LONGEST_PROBE_SECONDS = 0.5
LINE_LIMIT = 1_000_000


class StartFailed(SomaError):
    """A part of the hub did not start."""


class Process:
    """A child that is kept running until it is stopped."""

    def __init__(self, child: Child, log: ChildLog, tell: Callable[[str], None]) -> None:
        self.child = child
        self.log = log
        self.tell = tell
        self.restarts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the child and return when it is ready; raise when it ends or is not ready in time."""
        await self._spawn()
        await self._until_ready()
        self._watch = asyncio.create_task(self._keep())

    async def stop(self, seconds: float = math.inf) -> None:
        """End the child: its stop signal first, SIGKILL after `seconds` or what the child is given."""
        self._stopping = True
        if self._watch:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._end(seconds)
        self.log.close()

    async def _spawn(self) -> None:
        child = self.child
        if child.before:
            await child.before()
        self._process = await asyncio.create_subprocess_exec(
            *child.command,
            env=dict(child.environment),
            cwd=child.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=LINE_LIMIT,
            preexec_fn=functools.partial(die_with_parent, child.death_signal),
        )
        self._pump = asyncio.create_task(self._copy_output(self._process))

    async def _copy_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # it is a pipe
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue
            if not line:
                return
            self.log.write(line.decode(errors="replace"))

    async def _until_ready(self) -> None:
        end = time.monotonic() + self.child.ready_seconds
        pause = PROBE_SECONDS
        while not await self.child.ready():
            if self._process and self._process.returncode is not None:
                raise self._failure(f"ended with status {self._process.returncode}")
            if time.monotonic() > end:
                raise self._failure(f"was not ready after {self.child.ready_seconds:.0f} seconds")
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, LONGEST_PROBE_SECONDS)

    def _failure(self, what: str) -> StartFailed:
        said = "; it said: " + " | ".join(self.log.last[-4:]) if self.log.last else ""
        return StartFailed(
            f"{self.child.name} {what}{said} (its log: {self.log.path})", component=self.child.name
        )

    async def _keep(self) -> None:
        """Start the child again whenever it ends, after a delay that doubles while it keeps ending."""
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            status = await self._process.wait() if self._process else None
            if self._stopping:
                return
            if time.monotonic() - began > HEALTHY_SECONDS:
                delay = FIRST_DELAY
            self.tell(f"{self.child.name} ended ({_describe(status)}); starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            well = await self._start_again()
            delay = min(delay * 2, LONGEST_DELAY_OF_WELL if well else LONGEST_DELAY)

    async def _start_again(self) -> bool:
        """Start the child once more; whether it became ready."""
        self.restarts += 1
        try:
            await self._spawn()
            await self._until_ready()
        except (SomaError, OSError) as error:
            self.tell(str(error))
            await self._end()
            return False
        self.tell(f"{self.child.name} is up again")
        return True

    async def _end(self, seconds: float = math.inf) -> None:
        process = self._process
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self.child.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), max(0.1, min(seconds, self.child.stop_seconds)))
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._pump:
            _, late = await asyncio.wait([self._pump], timeout=1)
            for task in late:
                task.cancel()


def _describe(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"status {status}"
