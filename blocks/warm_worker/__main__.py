"""Runs the hub's worker: `python -m blocks.warm_worker`."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from blocks.engines import prefect_server
from blocks.engines.slow_imports import skip_slow_imports
from blocks.errors import SomaError
from blocks.settings import Settings, load_settings
from blocks.warm_worker.processes import own_memory
from blocks.watching.server import serving

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

LOOK_SECONDS = 30.0

skip_slow_imports()


def main() -> int:
    """Work until a signal comes."""
    try:
        settings = load_settings()
    except SomaError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    asyncio.run(work(settings))
    return 0


async def work(settings: Settings) -> None:
    """Take runs from the hub's work pool until SIGTERM or SIGINT."""
    from blocks.warm_worker.worker import WarmWorker  # noqa: PLC0415  # Prefect loads after the slow ones are skipped

    await until_prefect_answers(settings)
    worker = WarmWorker(settings.work_pool, settings=settings)
    working = asyncio.create_task(worker.start(printer=lambda text: print(text, flush=True)))  # noqa: T201
    async with watched(worker, settings):
        await until_stopped(working, settings)
    if not working.cancelled() and (error := working.exception()):
        raise error


async def until_stopped(working: asyncio.Task[None], settings: Settings) -> None:
    """Return when the work has ended, which a signal makes it do."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, working.cancel)
    watching = asyncio.create_task(end_when_large(working, settings))
    await asyncio.wait([working])
    watching.cancel()


@asynccontextmanager
async def watched(worker: "WarmWorker", settings: Settings) -> AsyncIterator[None]:
    """Serve `/health`, `/ready` and `/metrics` meanwhile; a port that is taken does not keep it from work."""
    from blocks.warm_worker.watching import worker_pages  # noqa: PLC0415  # the worker comes first

    port = settings.worker_port + settings.port_offset
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(serving(settings.gateway_host, port, worker_pages(worker)))
        except OSError as error:
            print(f"WARNING the worker cannot be watched at port {port}: {error}", flush=True)  # noqa: T201
        yield


async def end_when_large(working: asyncio.Task[None], settings: Settings) -> None:
    """End a worker that takes too much memory where the hub starts it again; its runs go on meanwhile."""
    most = settings.worker_memory_mb * 2**20
    while most and os.environ.get("SOMA_SUPERVISED"):
        await asyncio.sleep(LOOK_SECONDS)
        if (used := own_memory(os.getpid())) > most:
            print(f"the worker takes {used >> 20} MB and is started anew", flush=True)  # noqa: T201
            working.cancel()
            return


async def until_prefect_answers(settings: Settings) -> None:
    """Wait for Prefect's server, which the hub starts at the same time."""
    while not await prefect_server.ready(settings):  # noqa: ASYNC110  # it is another process
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
