"""The connection to the hub's PostgreSQL and the migrations that shape it."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, async_sessionmaker, create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import Unavailable

CANNOT_CONNECT = (
    OSError,
    OperationalError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,  # it is starting up
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
"""What says that there is no connection to be had now; raised as it is while one is being made."""


class Database:
    """A pool of connections to the hub's records; one per process and event loop."""

    def __init__(self, url: str, *, pool_size: int = 5, patience: float = 0.0) -> None:
        self.url = url
        self.patience = patience
        """Seconds for which records that are written by `patient` functions outlast an absent database."""
        self.engine = create_async_engine(
            url, pool_size=pool_size, max_overflow=15, pool_pre_ping=True, pool_recycle=1800
        )
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end, or rolled back by an exception."""
        try:
            async with self._sessions() as session, session.begin():
                yield session
        except CANNOT_CONNECT as error:
            raise _unavailable(self.url, error) from error
        except DBAPIError as error:
            if error.connection_invalidated or _is_away(error):
                raise _unavailable(self.url, error) from error
            raise

    async def ping(self) -> None:
        """Answer when the database does, else raise `Unavailable`."""
        async with self.session() as session:
            await session.exec(select(1))

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[bool]:
        """Hold the cluster-wide lock `name` while inside; False when somebody else holds it.

        It is PostgreSQL's session-level advisory lock: the server frees it when this process dies, and
        also when the server is restarted, so it is a quick way to be alone and no proof of being so.
        """
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self.engine.connect())
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                held = await _try_lock(connection, name)
            except (OSError, DBAPIError, asyncpg.PostgresError) as error:
                raise _unavailable(self.url, error) from error
            try:
                yield held
            finally:
                if held:
                    await _unlock(connection, name)

    async def close(self) -> None:
        await self.engine.dispose()


async def _try_lock(connection: AsyncConnection, name: str) -> bool:
    found = await connection.execute(
        text("SELECT pg_try_advisory_lock(:space, :key)"), {"space": LOCK_SPACE, "key": _key(name)}
    )
    return bool(found.scalar_one())


async def _unlock(connection: AsyncConnection, name: str) -> None:
    try:
        await connection.execute(
            text("SELECT pg_advisory_unlock(:space, :key)"), {"space": LOCK_SPACE, "key": _key(name)}
        )
    except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.invalidate()  # the server has freed the lock together with its session


LOCK_SPACE = 0x50_4D_41  # ours alone among the users of advisory locks in this database


def _key(name: str) -> int:
    return zlib.crc32(name.encode()) - 2**31


AWAY = frozenset({"57P01", "57P02", "57P03"})
"""The server is shutting down, has crashed, or is starting up."""


def _is_away(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in AWAY


def _unavailable(url: str, error: Exception) -> Unavailable:
    shown = make_url(url).render_as_string(hide_password=True)
    return Unavailable(f"the hub's database {shown} does not answer: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]


def migrations(url: str) -> Config:
    """Alembic's configuration for these records."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config


async def upgrade(url: str) -> None:
    """Bring the database to the newest schema, creating the database first where it is missing.

    Safe to call from several processes at once: they queue on a lock of the server.
    """
    await _create_if_missing(url)
    await asyncio.to_thread(command.upgrade, migrations(url), "head")


async def _create_if_missing(url: str) -> None:
    address = make_url(url)
    try:
        connection = await asyncpg.connect(_dsn(url))
    except asyncpg.InvalidCatalogNameError:
        admin = await asyncpg.connect(_dsn(address.set(database="postgres").render_as_string(False)))  # noqa: FBT003  # SQLAlchemy's own signature
        try:
            name = (address.database or "soma").replace('"', '""')
            await admin.execute(f'CREATE DATABASE "{name}"')
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another process was faster
        finally:
            await admin.close()
    except (OSError, asyncpg.PostgresError) as error:
        raise _unavailable(url, error) from error
    else:
        await connection.close()


def _dsn(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)
