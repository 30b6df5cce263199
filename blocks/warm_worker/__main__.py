"""Runs the hub's worker: `python -m blocks.warm_worker`."""

import asyncio
import signal
import sys

from blocks.engines import prefect_server
from blocks.engines.slow_imports import skip_slow_imports
from blocks.errors import SomaError
from blocks.settings import Settings, load_settings

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
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, working.cancel)
    await asyncio.wait([working])
    if not working.cancelled() and (error := working.exception()):
        raise error


async def until_prefect_answers(settings: Settings) -> None:
    """Wait for Prefect's server, which the hub starts at the same time."""
    while not await prefect_server.ready(settings):  # noqa: ASYNC110  # it is another process
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
