"""The hub's bus: one stream of Valkey for each tenant, read by a group that gives each message to one reader.

A message is `{topic, data, project}`. It is taken in by every trigger for it before it is acknowledged, so a
reader that dies loses none; one that is read twice is the same event, for its place in the stream is its id.
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from blocks.errors import BadInput

GROUP = "triggers"
IDLE = 30_000
"""Milliseconds after which a message that its reader did not acknowledge is given to another."""
KEPT = 10_000
"""About how many messages of a stream are kept."""
LARGEST = 100_000
"""Characters of a message's data as JSON."""
TOPIC = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}")
Handle = Callable[[str, dict[str, Any]], Awaitable[None]]


def stream_of(tenant: str) -> str:
    """The key of the tenant's stream."""
    return f"soma:bus:{tenant}"


async def publish(
    redis: Redis, tenant: str, topic: str, data: Any, *, project: str | None = None
) -> str:  # data: any JSON value
    """Put a message on the tenant's bus and return its place; `project` is the one that it comes from."""
    if not TOPIC.fullmatch(topic):
        raise BadInput(f"{topic!r} is no topic: small letters, digits, dots and hyphens, 120 at most")
    try:
        text = json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"the data of a message is JSON: {error}") from None
    if len(text) > LARGEST:
        raise BadInput(f"the data of a message has {len(text):,} characters, and {LARGEST:,} are the most")
    fields: dict[Any, Any] = {"topic": topic, "data": text, "project": project or ""}
    place = await redis.xadd(stream_of(tenant), fields, maxlen=KEPT, approximate=True)
    return _text(place)


async def read(redis: Redis, tenant: str, reader: str, handle: Handle, *, wait: int = 1000) -> int:
    """Hand the next messages to `handle`, first those that a dead reader left; returns how many.

    `handle` gets the message's place and its event. When it raises, the message is not acknowledged and comes
    again. What is no message of ours is acknowledged and dropped.
    """
    stream = stream_of(tenant)
    await _ensure_group(redis, stream)
    left: Any = await redis.xautoclaim(stream, GROUP, reader, min_idle_time=IDLE, count=50)
    found = list(left[1])
    if not found:
        news: Any = await redis.xreadgroup(GROUP, reader, {stream: ">"}, count=50, block=wait)
        found = [entry for _, entries in news or () for entry in entries]
    failures = []
    for place, fields in found:
        event = _event(_text(place), fields or {})
        try:
            if event is not None:
                await handle(_text(place), event)
        except Exception as error:  # noqa: BLE001  # raised below; one message must not hold up those behind it
            failures.append(error)
        else:
            await redis.xack(stream, GROUP, place)
    if failures:
        raise failures[0]
    return len(found)


async def _ensure_group(redis: Redis, stream: str) -> None:
    """The group begins at the start of the stream, so what was published before it is read too."""
    try:
        await redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def _event(place: str, fields: dict[Any, Any]) -> dict[str, Any] | None:
    said = {_text(name): _text(value) for name, value in fields.items()}
    try:
        topic, data = said["topic"], json.loads(said["data"])
    except (KeyError, ValueError, RecursionError):
        return None
    return {"kind": "bus", "id": place, "topic": topic, "data": data, "project": said.get("project") or None}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
