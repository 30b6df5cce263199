"""Prefect's server, on the loopback address only and on the hub's PostgreSQL."""

import functools
import os
import ssl
import sys

import httpx

from blocks.engines.child import Child, hub_environment
from blocks.settings import Settings

UNHURRIED = {
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "15",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "15",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "30",
}
"""Looks of the server at things that are rarely there; together half of an idle server's transactions."""


def needed(settings: Settings) -> bool:
    """Whether the hub runs Prefect's server itself; not so when PREFECT_API_URL names another."""
    return settings.prefect_api_url.rstrip("/") == f"{settings.prefect_url}/api"


def child(settings: Settings) -> Child:
    """Prefect's server as a process to be supervised."""
    return Child(
        name="prefect",
        command=(sys.executable, "-m", "blocks.engines.prefect_api"),
        folder=settings.data_dir,
        environment={
            **UNHURRIED,
            **hub_environment(settings),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": settings.prefect_database_address,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(settings.prefect_port + settings.port_offset),
            "PREFECT_SERVER_METRICS_ENABLED": "true",  # at /api/metrics
            "PREFECT_UI_API_URL": f"{settings.prefect_url}/api",
            "PREFECT_UI_STATIC_DIRECTORY": str(settings.data_dir / "prefect" / "ui"),
        },
        ready=lambda: ready(settings),
        ready_seconds=180,
        stop_seconds=2,
    )


async def ready(settings: Settings) -> bool:
    """Whether Prefect's API answers and reaches its database."""
    try:
        async with httpx.AsyncClient(timeout=5, auth=credentials(), verify=trust()) as client:
            return (await client.get(f"{settings.prefect_api_url}/ready")).is_success
    except httpx.HTTPError:
        return False


@functools.cache
def trust() -> ssl.SSLContext:
    """The certificates that are trusted; loading them for every probe would cost more than the probe."""
    return httpx.create_ssl_context()


def credentials() -> tuple[str, str] | None:
    """The user and password of `PREFECT_API_AUTH_STRING`, where it is set."""
    user, colon, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (user, password) if colon else None
