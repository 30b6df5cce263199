"""Where models answer, as Prefect's blocks and the settings say; read without keys until a key is needed.

Plain HTTP, as for notification routes: the gateway reads this too, and Prefect's own client takes seconds to
import.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.constitution.closeness import closest
from blocks.errors import NotConfigured, Unavailable
from blocks.prefect_api import PrefectApi
from blocks.settings import Settings

SLUG = "soma-model-access"
SETTINGS = "settings"
"""The name of the endpoint that the settings describe."""
ANY = "*"
PATIENCE = 60.0
"""Seconds for which a Prefect that is away is asked again."""
logger = logging.getLogger("soma.models")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A place where models answer."""

    name: str
    provider: str
    url: str | None = None
    """None: the provider's own."""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenant: str = "default"
    order: int = 0
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    timeout: float = 120.0
    tries: int = 4
    key: str | None = field(default=None, repr=False)

    def models(self, alias: str) -> tuple[str, ...]:
        """The models that it has for the alias, the first one first."""
        return self.aliases.get(alias) or self.aliases.get(ANY) or ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One model at one endpoint."""

    endpoint: Endpoint
    model: str

    def __str__(self) -> str:
        return f"{self.model} ({self.endpoint.name})"


async def endpoints(
    settings: Settings, tenant: str, *, keys: bool = False, patience: float = PATIENCE
) -> list[Endpoint]:
    """The tenant's endpoints in the order in which they are asked; their keys only if asked for.

    `Unavailable` when Prefect has not told for so many seconds.
    """
    documents = await _documents(settings, keys=keys, patience=patience)
    found = [_endpoint(document, keys=keys) for document in documents]
    own = [item for item in found if item is not None and item.tenant == tenant]
    given = _of_settings(settings, keys=keys) if tenant == settings.tenant else None
    return sorted(own, key=lambda item: (item.order, item.name)) + ([given] if given else [])


async def candidates(settings: Settings, tenant: str, alias: str) -> list[Candidate]:
    """The models behind an alias in the order in which they are tried, or `NotConfigured`."""
    known = await endpoints(settings, tenant)
    found = [Candidate(endpoint=place, model=model) for place in known for model in place.models(alias)]
    if not found:
        raise missing_model(alias, known)
    return found


async def endpoint_with_key(settings: Settings, tenant: str, name: str) -> Endpoint:
    """The endpoint of this name with its key, to be let go of when the request is done."""
    found = next((item for item in await endpoints(settings, tenant, keys=True) if item.name == name), None)
    if found is None:
        raise NotConfigured(f"there is no model access {name!r} any more", mend="see `soma models list`")
    return found


def missing_model(alias: str, known: Iterable[Endpoint]) -> NotConfigured:
    """The error that says how to give agents a model of this alias."""
    aliases = sorted({name for place in known for name in place.aliases})
    if not aliases:
        return NotConfigured(
            "no model is configured, so no agent can work",
            mend="run `soma models set main --provider openai --model default=MODEL --key-file FILE`, or "
            "start the hub with SOMA_MODEL, SOMA_MODEL_PROVIDER, SOMA_MODEL_URL and SOMA_MODEL_KEY",
        )
    return NotConfigured(
        f"no model is configured for the alias {alias!r}{closest(alias, aliases)}",
        mend=f"run `soma models set NAME --model {alias}=MODEL`; there are models for {', '.join(aliases)}",
    )


async def _documents(settings: Settings, *, keys: bool, patience: float) -> list[dict[str, Any]]:
    query = {
        "block_types": {"slug": {"any_": [SLUG]}},
        "block_documents": {"is_anonymous": {"eq_": False}},
        "include_secrets": keys,
        "limit": 200,
    }
    prefect = PrefectApi(settings.prefect_api_url)
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                answer = await prefect.ask("POST", "block_documents/filter", query)
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1)
            else:
                found: list[dict[str, Any]] = answer.json()
                return found
    finally:
        await prefect.close()


def _endpoint(document: dict[str, Any], *, keys: bool) -> Endpoint | None:
    name, data = str(document.get("name")), document.get("data") or {}
    if not data.get("enabled", True):
        return None
    try:
        return Endpoint(
            name=name,
            provider=str(data.get("provider") or "openai"),
            url=data.get("url") or None,
            aliases={
                str(alias): tuple(map(str, models)) for alias, models in (data.get("aliases") or {}).items()
            },
            tenant=str(data.get("tenant") or "default"),
            order=int(data.get("order") or 0),
            prices=data.get("prices") or {},
            timeout=float(data.get("timeout") or 120),
            tries=int(data.get("tries") or 4),
            key=(data.get("key") or None) if keys else None,
        )
    except (AttributeError, TypeError, ValueError):
        logger.warning("the model access %r is not as it should be, and is left out", name)
        return None


def _of_settings(settings: Settings, *, keys: bool) -> Endpoint | None:
    models = tuple(name for name in (part.strip() for part in settings.model.split(",")) if name)
    if not models:
        return None
    key = settings.model_key.get_secret_value() if keys and settings.model_key else None
    return Endpoint(
        name=SETTINGS,
        provider=settings.model_provider,
        url=settings.model_url,
        aliases={ANY: models},
        tenant=settings.tenant,
        key=key,
    )
