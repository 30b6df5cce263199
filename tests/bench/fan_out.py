"""Fan-out: many trivial nodes through the hub's driver, and as bare Prefect subflows on the same servers.

`python tests/bench/fan_out.py [--nodes 200,1000] [--arms hub,bare,...] [--line 50,...,1000]`.
Each arm runs in a process of its own, so that its CPU time and its memory are its own.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from blocks.settings import Settings, load_settings

if TYPE_CHECKING:
    from fan_out_servers import Reading, Servers

HERE = Path(__file__).resolve().parent
PATIENCE = 900.0
"""Seconds after which an arm is cut off; all of its nodes count as failed then."""
ARMS = {
    "hub": "the hub's driver: decided, recorded in the ledger, audited, shown in Prefect",
    "bare": "Prefect alone: async subflows by gather, nothing else",
    "bare-16": "Prefect alone, 16 subflows at once, as many as the driver has",
}


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """What one arm cost, servers included until they were quiet again."""

    arm: str
    nodes: int
    wall: float
    failures: int
    client_cpu: float
    prefect_cpu: float
    postgres_cpu: float
    calls: float
    rows: float
    transactions: float
    peak_rss: float
    asked: dict[str, int]

    @property
    def cpu(self) -> float:
        return self.client_cpu + self.prefect_cpu + self.postgres_cpu

    def cells(self) -> tuple[str, ...]:
        each = 1000 / self.nodes
        return (
            self.arm,
            str(self.nodes),
            f"{self.wall:.1f}",
            f"{self.wall * each:.1f}",
            *(
                f"{part * each:.1f}"
                for part in (self.client_cpu, self.prefect_cpu, self.postgres_cpu, self.cpu)
            ),
            f"{self.calls:.2f}",
            f"{self.rows:.1f}",
            f"{self.transactions:.1f}",
            f"{self.peak_rss:.0f}",
            str(self.failures),
        )


HEADINGS = (
    "arm", "nodes", "wall s", "ms each", "client CPU ms", "Prefect CPU ms", "PostgreSQL CPU ms",
    "CPU ms each", "API calls each", "rows each", "commits each", "peak MB", "failures",
)  # fmt: skip


def main() -> None:
    """Start a hub, run the arms in turn, print and keep the table and the lines."""
    given = _arguments()
    asyncio.run(_measure_and_print(given))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", default="200,1000", help="numbers of nodes, for the table")
    parser.add_argument("--arms", default=",".join(ARMS), help=f"of {', '.join(ARMS)}")
    parser.add_argument("--line", default="50,100,200,400,700,1000", help="numbers of nodes, for the plot")
    parser.add_argument("--peers", action="store_true", help="beside LangGraph and DBOS too")
    return parser.parse_args()


async def _measure_and_print(given: argparse.Namespace) -> None:
    import bench
    import plot

    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder:
        settings = load_settings(data_dir=folder, port_offset=bench.free_offset())
        bench.use(settings)
        found = await measure(settings, given)
    console = Console(width=200)
    table = Table(title="Fan-out of trivial nodes")
    for heading in HEADINGS:
        table.add_column(heading)
    for row in found:
        table.add_row(*row.cells())
    console.print(table)
    for line in plot.keep(found, bench.FOLDER):
        console.print(line)
    keep(found, bench.FOLDER)


async def measure(settings: Settings, given: argparse.Namespace) -> list[FanOut]:
    """Every arm with every number of nodes, one after another on one hub of their own."""
    import bench
    import fan_out_site
    import plot
    from fan_out_servers import Servers

    from ui.supervisor.hub import Hub

    hub = Hub(settings, quiet=True)
    await hub.start()
    try:
        servers = Servers(settings, {name: process.pid or 0 for name, process in hub.processes.items()})
        site = await fan_out_site.install(settings)
        table, line = _numbers(given.nodes), _numbers(given.line)
        found = []
        for arm in given.arms.split(","):
            await run_arm(arm, 20, servers, site)  # the first of its kind pays for what is kept afterwards
            wanted = sorted({*table, *(line if arm in plot.COLOURS else ())})
            for nodes in wanted:
                found.append(await run_arm(arm, nodes, servers, site))
                keep(found, bench.FOLDER)  # what was measured is there, whatever comes of the rest
        if given.peers:
            import fan_out_peers

            found += [
                await fan_out_peers.run(peer, nodes, servers)
                for peer in fan_out_peers.PEERS
                for nodes in table
            ]
        return found
    finally:
        await hub.stop()


async def run_arm(arm: str, nodes: int, servers: "Servers", site: Path) -> FanOut:
    """One arm in a process of its own, and what it made the servers do until they were quiet."""
    before = await servers.quiet()
    command = [sys.executable, str(HERE / "fan_out_arms.py"), arm, str(nodes)]
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{site}"}
    said = await asyncio.to_thread(_said, command, environment, nodes)
    after = await servers.quiet()
    return put_together(arm, nodes, said, before, after)


def _said(command: list[str], environment: dict[str, str], nodes: int) -> dict[str, Any]:
    """What the arm's process tells of itself; one that does not end in time is killed."""
    try:
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, check=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return {"wall": PATIENCE, "failures": nodes, "cpu": 0.0, "peak_rss": 0.0, "asked": {}}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def put_together(arm: str, nodes: int, said: dict[str, Any], before: "Reading", after: "Reading") -> FanOut:
    return FanOut(
        arm=arm,
        nodes=nodes,
        wall=said["wall"],
        failures=said["failures"],
        client_cpu=said["cpu"],
        prefect_cpu=after.prefect_cpu - before.prefect_cpu,
        postgres_cpu=after.postgres_cpu - before.postgres_cpu,
        calls=sum(said["asked"].values()) / nodes,
        rows=(after.rows - before.rows) / nodes,
        transactions=(after.transactions - before.transactions) / nodes,
        peak_rss=said["peak_rss"],
        asked=said["asked"],
    )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def keep(found: list[FanOut], folder: Path) -> None:
    """Write the figures as JSON and as a table in Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {"at": at, "rows": [asdict(row) for row in found]}
    (folder / "fan-out.json").write_text(json.dumps(document, indent=2))
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    lines += [f"| {' | '.join(row.cells())} |" for row in found]
    (folder / "fan-out.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
