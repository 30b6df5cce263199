"""Makes a Kubernetes job for each run in the hub's work pool for pods: `python -m blocks.pods.worker`.

It is Prefect's own worker, which waits here until Prefect and the pool are there. It answers `/health`,
`/ready` and `/metrics` on SOMA_WORKER_PORT.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from blocks.driver_runs import Drivers
from blocks.engines.slow_imports import skip_slow_imports
from blocks.errors import BadInput, SomaError, Unavailable
from blocks.settings import Settings, load_settings
from blocks.watching.server import Page, Part, pages, serving

skip_slow_imports()
POLL_SECONDS = 2.0
"""Prefect takes a worker that has not asked for runs for thirty times as long for stuck."""


def main() -> int:
    """Work until a signal comes."""
    try:
        settings = load_settings()
        asyncio.run(work(settings))
    except SomaError as error:
        print(f"error: {error.message}", file=sys.stderr, flush=True)  # noqa: T201
        return error.exit_code
    return 0


async def work(settings: Settings) -> None:
    """Take runs from the work pool until SIGTERM or SIGINT."""
    if settings.pod_work_pool is None:
        raise BadInput("SOMA_POD_WORK_POOL names the work pool whose runs become pods, and is not set")
    known = Known()
    async with serving(settings.gateway_host, settings.worker_port + settings.port_offset, known.pages()):
        await until_there(settings.prefect_api_url, settings.pod_work_pool)
        # Prefect takes seconds to load, which need not be spent before it can work.
        from prefect_kubernetes.worker import KubernetesWorker  # noqa: PLC0415

        known.worker = KubernetesWorker(settings.pod_work_pool, create_pool_if_not_found=False)
        await until_stopped(known.worker)


async def until_stopped(worker: Any) -> None:
    """Let the worker work until a signal comes."""
    working = asyncio.create_task(worker.start(printer=lambda text: print(text, flush=True)))  # noqa: T201
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, working.cancel)
    await asyncio.wait([working])
    if not working.cancelled() and (error := working.exception()):
        raise error


class Known:
    """What is told of this process to whoever watches it."""

    def __init__(self) -> None:
        self.worker: Any = None

    def pages(self) -> dict[str, Page]:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        return pages(registry, self._parts)

    async def _parts(self) -> Sequence[Part]:
        if self.worker is None:
            return [Part(name="prefect", trouble="the work pool for pods is not there yet")]
        polls = self.worker.is_worker_still_polling(query_interval_seconds=POLL_SECONDS)
        return [Part(name="prefect", trouble=None if polls else "it has not asked for runs lately")]


async def until_there(api_url: str, pool: str) -> None:
    """Return once Prefect has the work pool."""
    prefect, told = Drivers(api_url), ""
    try:
        while True:
            try:
                await prefect.get(f"work_pools/{pool}")
            except Unavailable as error:
                if error.message != told:
                    print(f"waits: {error.message}", flush=True)  # noqa: T201
                told = error.message
            else:
                return
            await asyncio.sleep(1)
    finally:
        await prefect.close()


if __name__ == "__main__":
    sys.exit(main())
