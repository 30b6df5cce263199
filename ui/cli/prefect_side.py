"""Commands that ask Prefect itself: for blocks, which it keeps."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.errors import Unavailable
from blocks.settings import Settings

T = TypeVar("T")


def with_prefect(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, with the hub's Prefect; `Unavailable` when that does not answer."""
    with temporary_settings({PREFECT_API_URL: settings.prefect_api_url}):
        try:
            return asyncio.run(work)
        except (httpx.TransportError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
                raise
            raise Unavailable(
                f"Prefect's API at {settings.prefect_api_url} does not answer; start the hub with `soma up`"
            ) from None
