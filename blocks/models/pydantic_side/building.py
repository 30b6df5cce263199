"""Pydantic AI's handle on a model at an endpoint."""

import ipaddress
from urllib.parse import urlsplit

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from blocks.errors import BadInput
from blocks.models.endpoints import Candidate

OWN = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "ollama": "http://127.0.0.1:11434/v1",
}
"""Where the providers answer; said aloud, for their libraries would look into the environment."""
NO_KEY = "none"
CONNECT = 10.0


def http_client(candidate: Candidate) -> httpx2.AsyncClient:
    """A client for one request, with the endpoint's patience; to loopback it takes no proxy."""
    timeout = httpx2.Timeout(candidate.endpoint.timeout, connect=CONNECT)
    if _is_here(candidate.endpoint.url or OWN.get(candidate.endpoint.provider, "")):
        return httpx2.AsyncClient(timeout=timeout, transport=httpx2.AsyncHTTPTransport())
    return httpx2.AsyncClient(timeout=timeout)


def handle(candidate: Candidate, http: httpx2.AsyncClient) -> Model:
    """The model, spoken to through this client with the endpoint's key."""
    place = candidate.endpoint
    url, key = place.url or OWN.get(place.provider), place.key or NO_KEY
    if place.provider == "anthropic":
        anthropic = AnthropicProvider(api_key=key, base_url=url, http_client=http)
        return AnthropicModel(candidate.model, provider=anthropic)
    if place.provider == "ollama":
        return OllamaModel(
            candidate.model, provider=OllamaProvider(base_url=url, api_key=key, http_client=http)
        )
    if place.provider == "openai" and place.url is None:
        return OpenAIChatModel(
            candidate.model, provider=OpenAIProvider(base_url=url, api_key=key, http_client=http)
        )
    if place.provider == "openai" and url is not None:
        compatible = OpenAICompatibleProvider(
            "openai-compatible", base_url=url, api_key=key, http_client=http
        )
        return OpenAIChatModel(candidate.model, provider=compatible)
    raise BadInput(
        f"the model access {place.name!r} names the provider {place.provider!r}, which is not known"
    )


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
