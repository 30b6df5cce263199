"""The tools that reach the web, as governed tasks."""

import time
from typing import Any

import httpx
from prefect.cache_policies import NO_CACHE

from blocks.errors import Unavailable
from blocks.settings import load_settings
from blocks.web.block import NAME, WebAccess
from blocks.web.fetching import SECONDS, Page, fetch
from blocks.web.rules import Rule, rules_of
from tasks.governed import governed_task

FRESH = 30.0
"""Seconds for which what the block says holds."""

_known: tuple[float, "WebAccess | None"] | None = None


@governed_task(
    stage="tool.call",
    action="web.fetch",
    labels=("tool_output", "web_content"),
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def fetch_page(url: str) -> Page:
    """One page of a site that the operator allows."""
    rules, seconds = await _access()
    if not rules:
        raise Unavailable(
            "no site may be fetched: the hub's operator has allowed none. Set SOMA_WEB_ALLOW, such as "
            "`docs.python.org, *.example.org`, or make a Prefect block of the type SomaAgentHub Web Access"
        )
    return await fetch(url, rules, seconds=seconds)


async def _access() -> tuple[tuple[Rule, ...], float]:
    """What the block allows, or the settings where there is no block."""
    global _known  # noqa: PLW0603  # one answer for the process, for a while
    if _known is None or time.monotonic() - _known[0] > FRESH:
        _known = (time.monotonic(), await _block())
    found = _known[1]
    if found is not None:
        return rules_of(found.allow), found.seconds
    return rules_of(load_settings().web_allow), SECONDS


async def _block() -> WebAccess | None:
    try:
        return await WebAccess.aload(NAME)
    except ValueError:  # Prefect's answer when there is none
        return None
    except httpx.HTTPError as error:
        raise Unavailable(f"Prefect does not say which sites are allowed: {error}") from None


WEB: dict[str, Any] = {"web.fetch": fetch_page}
"""By the names that manifests use."""
