"""Runs Prefect's server in this process: `python -m blocks.engines.prefect_api`.

Prefect's own command loads its whole command line first; this one loads the server alone, while the
database may still be starting, and leaves out what an earlier start of the same version has done.
"""

import asyncio
import functools
import os
import socket
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from blocks.engines.slow_imports import skip_slow_imports

skip_slow_imports()

import asyncpg  # noqa: E402  # after the slow ones are skipped
import docket  # noqa: E402
import prefect  # noqa: E402
import uvicorn  # noqa: E402
from prefect.server.api import background_workers  # noqa: E402
from prefect.server.api.server import create_app  # noqa: E402
from prefect.settings import (  # noqa: E402
    PREFECT_API_BLOCKS_REGISTER_ON_START,
    PREFECT_API_DATABASE_MIGRATE_ON_START,
    get_current_settings,
    temporary_settings,
)

DATABASE_SECONDS = 60
REST = timedelta(seconds=1)
ONCE_A_VERSION = {
    PREFECT_API_DATABASE_MIGRATE_ON_START: False,
    PREFECT_API_BLOCKS_REGISTER_ON_START: False,
}
"""Together two to three seconds of every start; the second loads each Prefect integration there is."""


def main() -> None:
    """Serve Prefect's API and its UI until a signal comes."""
    settings = get_current_settings()
    look_for_tasks_less_often()
    url = os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL", "")
    wait_for_socket(url)
    note = settings.home / "server.version"
    known = asyncio.run(database_version(url))
    done = known is not None and note.exists() and note.read_text() == known
    with temporary_settings(ONCE_A_VERSION if done else {}):
        config = uvicorn.Config(
            create_app(final=True),
            host=settings.server.api.host,
            port=settings.server.api.port,
            timeout_keep_alive=settings.server.api.keepalive_timeout,
            timeout_graceful_shutdown=1,
            log_level="warning",
        )
        Server(config, url, note).run()


class Server(uvicorn.Server):
    """Remembers, once it serves, what state of the database this version has started on."""

    def __init__(self, config: uvicorn.Config, url: str, note: Path) -> None:
        super().__init__(config)
        self.url = url
        self.note = note

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and (known := await database_version(self.url)):
            self.note.write_text(known)


async def database_version(url: str) -> str | None:
    """Prefect's version and that of the schema in its database, or None when it is not set up."""
    try:
        connection = await asyncpg.connect(url.replace("+asyncpg", "", 1), timeout=5)
    except (OSError, ValueError, asyncpg.PostgresError):
        return None
    try:
        if not await connection.fetchval("SELECT to_regclass('block_type')"):
            return None
        schema = await connection.fetchval("SELECT version_num FROM alembic_version")
        blocks = await connection.fetchval("SELECT count(*) FROM block_type")
    except asyncpg.PostgresError:
        return None
    finally:
        await connection.close()
    return f"{prefect.__version__} {schema}" if schema and blocks else None


def look_for_tasks_less_often() -> None:
    """Let the server's own task queue look once a second instead of four times: an idle hub shall be idle."""
    rested = functools.partial(docket.Worker, minimum_check_interval=REST, scheduling_resolution=REST)
    setattr(background_workers, "Worker", rested)  # noqa: B010  # a name that it imports, not its own


def wait_for_socket(url: str) -> None:
    """Wait until the embedded PostgreSQL, if that is where `url` leads, has opened its socket."""
    folder = parse_qs(urlsplit(url).query).get("host", [""])[0]
    end = time.monotonic() + DATABASE_SECONDS
    while folder.startswith("/") and not os.path.exists(f"{folder}/.s.PGSQL.5432"):  # noqa: PTH110  # a socket
        if time.monotonic() > end:
            sys.exit(f"no PostgreSQL at {folder} after {DATABASE_SECONDS} seconds")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
