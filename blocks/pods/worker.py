"""Makes a Kubernetes job for each run in the hub's work pool for pods: `python -m blocks.pods.worker`.

It is Prefect's own worker, which waits here until Prefect and the pool are there; it answers `/health` on
PREFECT_WORKER_WEBSERVER_PORT, 8080 unless set.
"""

import asyncio
import signal
import sys

from blocks.driver_runs import Drivers
from blocks.engines.slow_imports import skip_slow_imports
from blocks.errors import BadInput, SomaError, Unavailable
from blocks.settings import Settings, load_settings

skip_slow_imports()


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
    await until_there(settings.prefect_api_url, settings.pod_work_pool)
    # Prefect takes seconds to load, which need not be spent before it can work.
    from prefect_kubernetes.worker import KubernetesWorker  # noqa: PLC0415

    worker = KubernetesWorker(settings.pod_work_pool, create_pool_if_not_found=False)
    working = asyncio.create_task(
        worker.start(with_healthcheck=True, printer=lambda text: print(text, flush=True))  # noqa: T201
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, working.cancel)
    await asyncio.wait([working])
    if not working.cancelled() and (error := working.exception()):
        raise error


async def until_there(api_url: str, pool: str) -> None:
    """Return once Prefect has the work pool."""
    prefect, told = Drivers(api_url), ""
    try:
        while True:
            try:
                return await prefect.get(f"work_pools/{pool}")
            except Unavailable as error:
                if error.message != told:
                    print(f"waits: {error.message}", flush=True)  # noqa: T201
                told = error.message
            await asyncio.sleep(1)
    finally:
        await prefect.close()


if __name__ == "__main__":
    sys.exit(main())
