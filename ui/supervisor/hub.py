"""The hub as one thing that is started, watched and stopped."""

import asyncio
import contextlib
import time
from collections.abc import Mapping

from rich.console import Console

from blocks.engines import postgres, prefect_server, valkey
from blocks.engines.child import Child
from blocks.engines.folders import make_folders
from blocks.settings import Settings
from blocks.warm_worker import fork_process
from blocks.warm_worker.call import call
from ui.supervisor.children import gateway, wizard, worker
from ui.supervisor.lock import HubLock
from ui.supervisor.log import ChildLog
from ui.supervisor.ports import require_free_ports
from ui.supervisor.process import Process, StartFailed
from ui.supervisor.watching import watched

STOP_STAGES = (("wizard", "gateway", "worker"), ("runs",), ("prefect",), ("valkey", "postgres"))
"""What is stopped together, in this order: no process loses what it stands on before it has ended."""
STOP_SECONDS = 9.5


class Hub:
    """All processes of one hub on one data folder."""

    def __init__(self, settings: Settings, console: Console | None = None, *, quiet: bool = False) -> None:
        self.settings = settings
        self.console = console
        self.quiet = quiet
        self.processes: dict[str, Process] = {}
        self.timings: dict[str, float] = {}
        """Seconds from the start until each part was ready."""
        self._lock = HubLock(settings)
        self._began = 0.0
        self._stopped = asyncio.Event()
        self._open = contextlib.AsyncExitStack()

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where people reach the hub."""
        pages = {"wizard": self.settings.wizard_url} if self.settings.wizard else {}
        return {
            **pages,
            "gateway": self.settings.gateway_url,
            "prefect": self.settings.prefect_api_url.removesuffix("/api"),
        }

    async def start(self) -> None:
        """Start everything and return when it is ready; on failure stop what was started and raise."""
        self._began = time.monotonic()
        make_folders(self.settings)
        self._lock.acquire()
        try:
            require_free_ports(self.settings, prefect=prefect_server.needed(self.settings))
            self._lock.note("starting")
            await self._open.enter_async_context(watched(self.processes, self.settings))
            await self._start_children()
            self._lock.note("ready")
        except BaseExceptionGroup as several:
            await self.stop()
            raise _first_cause(several) from None
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> None:
        """Return when the hub has been stopped."""
        await self._stopped.wait()

    async def stop(self) -> None:
        """Stop every child in order and within ten seconds; safe to call twice."""
        with contextlib.suppress(OSError):
            if self.processes:
                self._lock.note("stopping")
        end = time.monotonic() + STOP_SECONDS
        for stage in STOP_STAGES:
            stopping = [self.processes.pop(name) for name in stage if name in self.processes]
            await asyncio.gather(*(process.stop(end - time.monotonic()) for process in stopping))
        await self._open.aclose()
        self._lock.release()
        self._stopped.set()

    async def _start_children(self) -> None:
        settings = self.settings
        first = [fork_process.child(settings)]
        first += [valkey.child(settings)] if valkey.needed(settings) else []
        if postgres.needed(settings):
            first.append(postgres.child(settings))
        if prefect_server.needed(settings):
            first.append(prefect_server.child(settings))
        async with asyncio.TaskGroup() as group:
            starting = {child.name: group.create_task(self._start(child)) for child in first}
            group.create_task(self._start(worker(settings)))
            if settings.wizard:
                group.create_task(self._start(wizard(settings)))
            group.create_task(self._start_ours(starting))

    async def _start_ours(self, starting: dict[str, asyncio.Task[None]]) -> None:
        """The hub's own processes, each as soon as what it needs is there."""
        await self._prepare("records", [starting["runs"], starting.get("postgres")])
        async with asyncio.TaskGroup() as group:
            group.create_task(self._start(gateway(self.settings)))
            await self._prepare("prefect", [starting.get("prefect")])

    async def _prepare(self, part: str, after: list[asyncio.Task[None] | None]) -> None:
        """Do a part of `ui.supervisor.prepare` in a warm process."""
        await asyncio.gather(*(task for task in after if task))
        socket = fork_process.fork_socket(self.settings)
        if await call(socket, "ui.supervisor.prepare:run_part", part):
            said = self.processes["runs"].log.last[-3:]
            raise StartFailed(f"{part} could not be prepared: {' | '.join(said)}")
        self.timings[f"{part} prepared"] = time.monotonic() - self._began

    async def _start(self, child: Child) -> None:
        log = ChildLog(child.name, self.settings.logs_path, self.console, quiet=self.quiet)
        process = Process(child, log, self._tell)
        self.processes[child.name] = process
        await process.start()
        self.timings[child.name] = time.monotonic() - self._began

    def _tell(self, text: str) -> None:
        if self.console:
            self.console.print(f"[bold]hub[/bold]        {text}", highlight=False)


def _first_cause(error: BaseException) -> BaseException:
    """What went wrong first, of several things that were started at once."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
