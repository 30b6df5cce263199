"""Putting a message on the tenant's bus as a governed task; triggers, and whoever else reads it, hear it."""

from collections.abc import Mapping
from typing import Any

from prefect.cache_policies import NO_CACHE
from redis.asyncio import Redis
from redis.exceptions import RedisError

from blocks.context import current
from blocks.errors import Forbidden, Unavailable
from blocks.settings import load_settings
from blocks.triggers import bus
from tasks.governed import governed_task


def _facts(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"message": {"topic": arguments["topic"], "payload": arguments["payload"]}}


@governed_task(stage="bus.publish", facts=_facts, cache_policy=NO_CACHE, effect=True)
async def publish_message(topic: str, payload: Any) -> str:  # payload: any JSON value
    """Put the message on the bus and return its place there; it says which project it comes from."""
    context = current()
    if context is None:
        raise Forbidden("a message comes from somebody: there is no run here")
    redis: Redis = Redis.from_url(load_settings().redis_address, socket_connect_timeout=5)
    try:
        return await bus.publish(redis, context.tenant, topic, payload, project=context.project)
    except (RedisError, OSError) as error:
        raise Unavailable(f"the bus does not answer: {error}") from None
    finally:
        await redis.aclose()
