"""The processes of the hub that are its own code."""

import sys
from functools import partial

import httpx

from blocks.engines.child import Child, hub_environment
from blocks.engines.prefect_server import trust
from blocks.settings import Settings
from blocks.warm_worker.fork_process import ready_note


def worker(settings: Settings) -> Child:
    """The worker that runs flows in warm processes."""
    note = ready_note(settings)

    async def clear() -> None:
        note.unlink(missing_ok=True)

    async def ready() -> bool:
        return note.exists()

    return Child(
        name="worker",
        command=(sys.executable, "-m", "blocks.warm_worker"),
        folder=settings.data_dir,
        environment={**hub_environment(settings), "SOMA_SUPERVISED": "1"},
        before=clear,
        ready=ready,
        ready_seconds=240,
    )


def gateway(settings: Settings) -> Child:
    """The HTTP gateway."""
    return Child(
        name="gateway",
        command=(sys.executable, "-m", "ui.gateway"),
        folder=settings.data_dir,
        environment=hub_environment(settings),
        ready=partial(_is_healthy, settings.gateway_url),
    )


def wizard(settings: Settings) -> Child:
    """The wizard, the pages for people."""
    return Child(
        name="wizard",
        command=(sys.executable, "-m", "ui.wizard"),
        folder=settings.data_dir,
        environment=hub_environment(settings),
        ready=partial(_is_healthy, settings.wizard_url),
    )


async def _is_healthy(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2, verify=trust()) as client:
            return (await client.get(f"{url}/health")).is_success
    except httpx.HTTPError:
        return False
