"""`make bench`: start a hub of its own, measure the promises side by side, print and keep a table."""

import asyncio
import json
import os
import platform
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from blocks.settings import Settings, load_settings

REST = 15
"""Seconds for Prefect's server to work off what it was told: it does so after the fact."""
FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench"


async def main() -> None:
    console = Console(width=160)
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder:
        settings = load_settings(data_dir=folder, port_offset=free_offset(), max_runs=10)
        use(settings)
        rows = await measured(settings)
    table = Table(title=f"SomaAgentHub on {os.cpu_count()} cores, Python {platform.python_version()}")
    for heading in ("promise", "measured", "aim"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    keep(rows)
    console.print(f"kept in {FOLDER.relative_to(FOLDER.parents[1])}")


async def measured(settings: Settings) -> list[tuple[str, str, str]]:
    import guard_cost
    import launch_latency
    import policy_engines
    import reload_under_load
    import worker_kinds

    from ui.supervisor.hub import Hub

    hub = Hub(settings, quiet=True)
    begun = time.monotonic()
    await hub.start()
    started = time.monotonic() - begun
    try:
        launch = await launch_latency.measure(settings)
        await asyncio.sleep(REST)
        guard = await guard_cost.measure()
        await asyncio.sleep(REST)
        workers = await worker_kinds.measure(settings)
    finally:
        await hub.stop()
    worker_kinds.keep(workers)
    print(*workers.rows(), sep="\n")
    engines = policy_engines.measure()
    policy_engines.keep(engines)
    reloads = reload_under_load.measure()
    start = ("new hub, start to ready", f"{started:.1f} s", "")
    return [guard.row(), launch.row(), start, workers.row(), engines.row(), reloads.row()]


def use(settings: Settings) -> None:
    """Make this process and its children use that hub."""
    os.environ.update(
        SOMA_DATA_DIR=str(settings.data_dir),
        SOMA_PORT_OFFSET=str(settings.port_offset),
        PREFECT_API_URL=f"{settings.prefect_url}/api",
        PREFECT_LOGGING_LEVEL="ERROR",
        DO_NOT_TRACK="1",
    )


def free_offset() -> int:
    """An offset at which the hub's ports are free."""
    for offset in range(1000, 20000, 100):
        if all(_is_free(port + offset) for port in (10000, 10001, 10002, 4200, 8501)):
            return offset
    raise SystemExit("no free ports were found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def keep(rows: list[tuple[str, str, str]]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": rows}
    (FOLDER / "promises.json").write_text(json.dumps(record, indent=2))
    lines = ["| promise | measured | aim |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    (FOLDER / "promises.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
