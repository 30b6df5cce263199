"""The context bus as a Prefect Block: how the steps of a project hear each other, wherever they run."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prefect.blocks.core import Block
from pydantic import Field, SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from blocks.bus import stream
from blocks.bus.messages import Draft, Message, Sender
from blocks.errors import Unavailable
from blocks.settings import Settings

LONGEST_WAIT = 30.0
"""Seconds that one reading may wait for a message."""


class ContextBus(Block):
    """What the steps of a project say to each other, on Redis Streams."""

    _block_type_name = "SomaAgentHub Context Bus"
    _block_type_slug = "soma-context-bus"

    redis_url: SecretStr = Field(description="Redis or Valkey, such as redis://HOST:6379/0.")
    most: int = Field(default=1_000, ge=1, le=10_000, description="Messages that one project may publish.")
    days: int = Field(default=90, ge=1, le=3_650, description="How long they are kept after the last one.")

    async def publish(
        self, tenant: str, project: str, draft: Draft, sender: Sender, *, labels: Sequence[str], key: str
    ) -> str:
        """Publish to the project and return the message's place; the same `key` is the same message.

        Raises `BadInput`, `Conflict` when the project has said enough, `StaleAttempt`, or `Unavailable`.
        """
        async with self._redis() as redis:
            return await stream.publish(
                redis,
                stream.stream_of(tenant, project),
                draft,
                sender,
                labels,
                key=key,
                most=self.most,
                seconds=self.days * 86_400,
            )

    async def read(
        self,
        tenant: str,
        project: str,
        *,
        after: str = "",
        limit: int = stream.LARGEST_PAGE,
        wait: float = 0.0,
    ) -> list[Message]:
        """The project's messages behind `after`, oldest first; from the first one on unless given.

        With `wait`, the first message is waited for so many seconds when there is none yet.
        """
        async with self._redis() as redis:
            return await stream.read(
                redis,
                stream.stream_of(tenant, project),
                after=after,
                limit=limit,
                wait=min(wait, LONGEST_WAIT),
            )

    @asynccontextmanager
    async def _redis(self) -> AsyncIterator[Redis]:
        address = self.redis_url.get_secret_value()
        redis: Redis = Redis.from_url(address, socket_connect_timeout=5, socket_timeout=LONGEST_WAIT + 10)
        try:
            yield redis
        except ResponseError as error:
            raise Unavailable(f"the context bus cannot be used: {error}") from None
        except (RedisError, OSError) as error:
            raise Unavailable(f"the context bus does not answer ({type(error).__name__})") from None
        finally:
            await redis.aclose()


def local_bus(settings: Settings) -> ContextBus:
    """The context bus of the hub that these settings describe."""
    return ContextBus(redis_url=SecretStr(settings.redis_address))
