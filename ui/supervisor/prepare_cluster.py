"""What the pods of a cluster do before they begin: `python -m ui.supervisor.prepare_cluster records|prefect`.

In a cluster nobody starts the parts in order, so this waits for the database and for Prefect.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from prefect.exceptions import PrefectHTTPStatusError

from blocks.engines import prefect_server
from blocks.engines.folders import make_folders
from blocks.errors import SomaError, Unavailable
from blocks.keys import TRUSTED, SigningKey
from blocks.settings import Settings, load_settings
from ui.supervisor.prepare import prepare_prefect, prepare_records

PATIENCE = 600.0
"""Seconds for which the parts may take to come up."""
PAUSE = 1.0


async def records(settings: Settings) -> None:
    """The folders that pods share, the hub's key, the schema, the tenant and its constitution."""
    make_folders(settings)
    settings.deliverables_path.mkdir(parents=True, exist_ok=True)
    (settings.keys_path / TRUSTED).mkdir(mode=0o700, parents=True, exist_ok=True)
    SigningKey.ensure(settings.keys_path)
    await _patiently(lambda: prepare_records(settings))


async def prefect(settings: Settings) -> None:
    """The work pools, blocks and deployments."""
    make_folders(settings)
    await _patiently(lambda: _prefect(settings))


async def _prefect(settings: Settings) -> None:
    if not await prefect_server.ready(settings):
        raise Unavailable(f"Prefect's API does not answer at {settings.prefect_api_url}")
    try:
        await prepare_prefect(settings)
    except PrefectHTTPStatusError as error:
        raise SomaError(f"Prefect does not take what the hub deploys: {error}") from None


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work as soon as what it needs is there."""
    deadline, told = time.monotonic() + PATIENCE, ""
    while True:
        try:
            return await work()
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            if error.message != told:
                sys.stderr.write(f"waits: {error.message}\n")
            told = error.message
        await asyncio.sleep(PAUSE)


PARTS = {"records": records, "prefect": prefect}


def main(parts: list[str]) -> int:
    """Do the parts in turn; the reason of a failure goes to standard error."""
    if not parts or set(parts) - set(PARTS):
        sys.stderr.write(f"usage: python -m ui.supervisor.prepare_cluster {'|'.join(PARTS)}\n")
        return 2
    try:
        settings = load_settings()
        for part in parts:
            asyncio.run(PARTS[part](settings))
    except SomaError as error:
        sys.stderr.write(f"ERROR {error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
