"""Small values under a name, in Redis or Valkey."""

import json
from collections.abc import Awaitable
from typing import Any, cast
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from blocks.errors import BadInput, NotFound, Unavailable
from blocks.memory.checks import as_json, checked_scope, checked_tenant, checked_text

VALUE_LIMIT = 1_000_000
"""Bytes of one value as JSON."""
SHORTEST = 0.001
LONGEST = 10 * 365 * 86400
"""Seconds that a value may be given to live; without an end it lives for good."""


class Values:
    """JSON values by tenant, scope and key; durable as far as the server's append-only file is."""

    def __init__(self, address: str) -> None:
        self._redis: Redis = Redis.from_url(address, decode_responses=True, socket_connect_timeout=5)

    async def put(
        self,
        tenant: str,
        scope: str,
        key: str,
        value: Any,  # any JSON value
        *,
        seconds: float | None = None,
    ) -> None:
        if seconds is not None and not SHORTEST <= seconds <= LONGEST:
            mend = f"give {SHORTEST} to {LONGEST} seconds, or none to keep it for good"
            raise BadInput(f"a value cannot live {seconds:g} seconds", mend=mend)
        written = as_json(value, "the value", VALUE_LIMIT)
        milliseconds = None if seconds is None else int(seconds * 1000)
        await _answered(self._redis.set(_name(tenant, scope, key), written, px=milliseconds))

    async def get(self, tenant: str, scope: str, key: str) -> Any:  # any JSON value
        """The value, or `NotFound`."""
        written = await _answered(self._redis.get(_name(tenant, scope, key)))
        if written is None:
            raise NotFound(f"there is no value {key!r} in the scope {scope!r}")
        return json.loads(written)

    async def delete(self, tenant: str, scope: str, key: str) -> None:
        """Remove the value, or `NotFound`."""
        if not await _answered(self._redis.delete(_name(tenant, scope, key))):
            raise NotFound(f"there is no value {key!r} in the scope {scope!r}")

    async def close(self) -> None:
        await self._redis.aclose()


async def _answered(question: Any) -> Any:  # as untyped as the client's answers
    try:
        return await cast("Awaitable[Any]", question)
    except (RedisError, OSError) as error:
        raise Unavailable(
            f"the key-value store does not answer ({type(error).__name__})",
            mend="see `soma doctor`, or set REDIS_URL to a server that runs",
        ) from error


def _name(tenant: str, scope: str, key: str) -> str:
    # The scope is quoted because it may hold a colon: two different places never share a name.
    scope = quote(checked_scope(scope), safe="")
    return f"soma:{checked_tenant(tenant)}:kv:{scope}:{checked_text(key, 'the key of a value', 500)}"
