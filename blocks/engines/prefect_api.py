"""Runs Prefect's server in this process: `python -m blocks.engines.prefect_api`.

Prefect's own command loads its whole command line first; this one loads the server alone, while the
database may still be starting.
"""

import inspect
import os
import sys
import time
from urllib.parse import parse_qs, urlsplit

from blocks.engines.slow_imports import skip_slow_imports

skip_slow_imports()

import uvicorn  # noqa: E402  # after the slow ones are skipped
from prefect.server.api.server import create_app  # noqa: E402
from prefect.server.database import orm_models  # noqa: E402
from prefect.settings import get_current_settings  # noqa: E402

DATABASE_SECONDS = 60


def main() -> None:
    """Serve Prefect's API and its UI until a signal comes."""
    settings = get_current_settings()
    let_schedules_be_inserted()
    wait_for_socket(os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL", ""))
    uvicorn.run(
        create_app(final=True),
        host=settings.server.api.host,
        port=settings.server.api.port,
        timeout_keep_alive=settings.server.api.keepalive_timeout,
        timeout_graceful_shutdown=2,
        log_level="warning",
    )


def let_schedules_be_inserted() -> None:
    """Keep Prefect's scheduler at work under SQLAlchemy 2.1, which refuses hybrids in a bulk insert.

    The scheduler's rows carry the key `state`, which SQLAlchemy 2.0 passes over; so does this.
    """
    for model in (orm_models.FlowRun, orm_models.TaskRun):
        state = inspect.getattr_static(model, "state")
        if getattr(state, "bulk_dml_setter", "unknown to this SQLAlchemy") is None:
            state.bulk_dml_setter = lambda _model, _row, _value: None


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
