"""What a pod of the Kubernetes work pool runs: `python -m blocks.pods`."""

import asyncio
import os
import sys
from functools import partial

from blocks.driver_runs import Drivers
from blocks.engines.slow_imports import skip_slow_imports
from blocks.errors import SomaError
from blocks.pods.runner import Runner, start
from blocks.settings import Settings, load_settings

skip_slow_imports()
OF_A_SIGNAL = 128
"""What shells add to the number of the signal that ended a process."""


def main() -> int:
    """Do the flow run that `PREFECT__FLOW_RUN_ID` names; the exit status says how its process ended."""
    run = os.environ.get("PREFECT__FLOW_RUN_ID")
    if not run:
        return _failed("PREFECT__FLOW_RUN_ID names the flow run to be done, and is not set")
    try:
        settings = load_settings()
        if (why := needless(run, settings)) is not None:
            print(why, flush=True)  # noqa: T201
            return 0
        status = asyncio.run(_watch(run, settings, start(run, partial(needless, run, settings))))
    except SomaError as error:
        return _failed(error.message)
    return status if status >= 0 else OF_A_SIGNAL - status


def needless(run: str, settings: Settings) -> str | None:
    """Why the run is not to be done here, if it is not."""
    return asyncio.run(_begin(run, settings))


async def _begin(run: str, settings: Settings) -> str | None:
    prefect = Drivers(settings.prefect_api_url)
    try:
        return await Runner(run, settings, prefect).begin()
    finally:
        await prefect.close()


async def _watch(run: str, settings: Settings, child: int) -> int:
    prefect = Drivers(settings.prefect_api_url)
    runner = Runner(run, settings, prefect)
    try:
        status = await runner.watch(child)
        await runner.conclude(status)
    finally:
        await prefect.close()
    return status


def _failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
