"""What the database says is in force for a tenant, and the copies of it that Valkey and the disk keep.

The database alone is the truth. Valkey's pointer only saves questions to it, and a copy of a text counts
when it has the hash that the database names; so whoever writes to Valkey or to the disk changes nothing.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis
from redis.exceptions import RedisError

from blocks.constitution.parsed import text_hash

logger = logging.getLogger(__name__)
POINTER_LASTS = 400
"""Milliseconds that the pointer may be believed; with the time between two looks, below a second."""
TEXT_LASTS = 7 * 24 * 3600
REST = 5.0
"""Seconds until Valkey is asked again after it did not answer."""
PATIENCE = 5.0
MOST_FILES = 4

QUESTION = """
SELECT wanted.role, wanted.digest AS wanted, kept.digest, kept.name, kept.version, kept.key, kept.signature,
       encode(sha256(convert_to(kept.text, 'UTF8')), 'hex') AS text_sha256
FROM (
    (SELECT 'active' AS role, digest FROM activations WHERE tenant = $1 AND state = 'done'
     ORDER BY done_at DESC, id DESC LIMIT 1)
    UNION ALL SELECT 'shadow', digest FROM shadows WHERE tenant = $1
) AS wanted
LEFT JOIN constitutions AS kept ON kept.tenant = $1 AND kept.digest = wanted.digest
"""
TEXT = "SELECT text FROM constitutions WHERE tenant = $1 AND digest = $2"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One version as the database says it is."""

    digest: str
    name: str
    version: str
    key: str
    signature: str
    text_sha256: str
    """Of the text in the database; a copy with the same hash is that text."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is in force and in the shadow."""

    active: Kept | None = None
    shadow: Kept | None = None
    missing: str | None = None
    """The digest that was activated and is not there."""

    @property
    def pointer(self) -> str:
        """What Valkey keeps of it."""
        return ":".join((kept.digest if kept else "") for kept in (self.active, self.shadow))


class Asker:
    """Asks the database on one connection, kept open between two questions."""

    def __init__(self, url: str, tenant: str) -> None:
        self.dsn = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self.tenant = tenant
        self._connection: asyncpg.Connection | None = None

    async def standing(self) -> Standing:
        rows = {row["role"]: row for row in await self._fetch(QUESTION, self.tenant)}
        active = rows.get("active")
        missing = active["wanted"] if active is not None and active["digest"] is None else None
        return Standing(active=_kept(active), shadow=_kept(rows.get("shadow")), missing=missing)

    async def text(self, digest: str) -> str:
        found = await self._fetch(TEXT, self.tenant, digest)
        return str(found[0]["text"]) if found else ""

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await connection.close(timeout=1)

    async def _fetch(self, query: str, *values: str) -> list[asyncpg.Record]:
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.dsn, timeout=PATIENCE, command_timeout=PATIENCE)
            return list(await self._connection.fetch(query, *values))
        except BaseException:
            await self.close()
            raise


def _kept(row: asyncpg.Record | None) -> Kept | None:
    if row is None or row["digest"] is None:
        return None
    return Kept(**{name: row[name] for name in Kept.__dataclass_fields__})


class Cache:
    """Valkey, which may be away at any time: then it knows nothing, and nobody waits for it."""

    def __init__(self, url: str, tenant: str) -> None:
        self._url = url
        self._opened: redis.Redis | None = None
        self._pointer = f"soma:constitution:{tenant}:in-force"
        self._away_until = 0.0

    def pointer(self) -> str | None:
        return self._do("GET", self._pointer)

    def point(self, pointer: str) -> None:
        self._do("SET", self._pointer, pointer, "PX", POINTER_LASTS)

    def text(self, kept: Kept) -> str | None:
        """The kept version's text, if Valkey has it unchanged."""
        key = f"soma:constitution:text:{kept.digest}"
        text = self._do("GET", key)
        if text is not None and text_hash(text) != kept.text_sha256:
            logger.error(
                "the text of %s@%s in Valkey is not the one in the database; it is not taken",
                kept.name,
                kept.version,
            )
            self._do("DEL", key)
            return None
        return text

    def keep(self, kept: Kept, text: str) -> None:
        self._do("SET", f"soma:constitution:text:{kept.digest}", text, "EX", TEXT_LASTS)

    def close(self) -> None:
        if self._opened is not None:
            with contextlib.suppress(RedisError, OSError):
                self._opened.close()

    def _client(self) -> redis.Redis:
        if self._opened is None:
            self._opened = redis.Redis.from_url(
                self._url,
                socket_timeout=0.5,
                socket_connect_timeout=0.5,
                decode_responses=True,
                single_connection_client=True,  # one thread uses it, and a pool would double the cost
            )
        return self._opened

    def _do(self, *command: str | int) -> str | None:
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = self._client().execute_command(*command)  # type: ignore[no-untyped-call]  # redis leaves it untyped
        except (RedisError, OSError, UnicodeDecodeError):
            self._away_until = time.monotonic() + REST
            return None
        return answer if isinstance(answer, str) else None


class Folder:
    """Texts on disk, so that a process that others are forked from has read them before."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def texts(self) -> list[str]:
        """Every text that is kept, unchecked."""
        return [text for path in sorted(self.path.glob("*.yaml")) if (text := _read(path)) is not None]

    def has(self, kept: Kept) -> bool:
        return (self.path / f"{kept.digest}.yaml").exists()

    def text(self, kept: Kept) -> str | None:
        text = _read(self.path / f"{kept.digest}.yaml")
        return text if text is not None and text_hash(text) == kept.text_sha256 else None

    def keep(self, kept: Kept, text: str) -> None:
        """Write the text, and forget the oldest; a disk that is full or closed is no reason to stop."""
        path = self.path / f"{kept.digest}.yaml"
        draft = path.with_suffix(f".{time.monotonic_ns()}")
        with contextlib.suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_text(text, encoding="utf-8", newline="")
            draft.replace(path)
            for old in sorted(self.path.glob("*.yaml"), key=_age)[:-MOST_FILES]:
                old.unlink(missing_ok=True)

    def stamp(self) -> int:
        """Changes when a text comes or goes."""
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return 0


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
