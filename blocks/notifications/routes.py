"""The routes of notifications, as Prefect keeps them.

Plain HTTP, as for drivers: Prefect's own client would cost the gateway seconds of imports.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from blocks.driver_runs import Drivers
from blocks.records.notices import KINDS, Address

SLUG = "soma-notification-route"
FRESH = 5.0
"""Seconds for which what was read of the routes holds."""
logger = logging.getLogger("soma.gateway")


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One route, with its addresses, which are never shown."""

    name: str
    tenant: str
    kinds: frozenset[str]
    who: frozenset[str]
    enabled: bool
    urls: tuple[str, ...] = field(repr=False)

    @property
    def sha256(self) -> str:
        """Over all of its addresses."""
        return hashlib.sha256("\n".join(sorted(self.urls)).encode()).hexdigest()

    def addresses(self) -> Iterator[Address]:
        for url in self.urls:
            yield Address(route=self.name, digest=address_digest(url))

    def url(self, digest: str) -> str | None:
        """The address with this digest, if the route still has it."""
        return next((url for url in self.urls if address_digest(url) == digest), None)

    def takes(self, kind: str, people: Iterable[str]) -> bool:
        """Whether it wants a notice of this kind, about a question for these people (none: for anybody)."""
        asked = set(people)
        return self.enabled and kind in self.kinds and not (self.who and asked and not self.who & asked)


def address_digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


class Routes:
    """What Prefect knows of routes, read again every few seconds."""

    def __init__(self, drivers: Drivers) -> None:
        self._drivers = drivers
        self._read_at = float("-inf")
        self._routes: dict[str, Route] = {}

    async def all(self) -> dict[str, Route]:
        """Every route by its name; `Unavailable` when Prefect does not tell."""
        if time.monotonic() - self._read_at > FRESH:
            query = {
                "block_types": {"slug": {"any_": [SLUG]}},
                "block_documents": {"is_anonymous": {"eq_": False}},
                "include_secrets": True,
                "limit": 200,
            }
            found = await self._drivers.read("block_documents/filter", query)
            self._routes = {route.name: route for route in map(_route, found) if route is not None}
            self._read_at = time.monotonic()
        return self._routes


def _route(document: dict[str, Any]) -> Route | None:
    name, data = str(document.get("name")), document.get("data") or {}
    try:
        return Route(
            name=name,
            tenant=str(data.get("tenant") or "default"),
            kinds=frozenset(map(str, data.get("kinds") or KINDS)),
            who=frozenset(map(str, data.get("who") or ())),
            enabled=bool(data.get("enabled", True)),
            urls=tuple(dict.fromkeys(str(data["urls"]).split())),
        )
    except (KeyError, TypeError):
        logger.warning("the notification route %r is not as it should be, and is left out", name)
        return None
