"""The same fan-out in LangGraph and DBOS, on the same PostgreSQL server, each in a database of its own.

They do less: nothing is decided, audited or shown anywhere. `make bench-fan-out` installs them apart from
the hub; `fan_out_peers_arms.py` is what their interpreter runs.
"""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from fan_out import FanOut
    from fan_out_servers import Servers

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parents[1] / "build" / "fanout-venv" / "bin" / "python"
PEERS = {
    "langgraph": "LangGraph: Send to one node, checkpoints by AsyncPostgresSaver at every step",
    "dbos-steps": "DBOS: steps of one workflow, by gather",
    "dbos-children": "DBOS: child workflows of one workflow",
}


async def run(peer: str, nodes: int, servers: "Servers") -> "FanOut":
    """One peer in a process of its own, and what it made PostgreSQL do until it was quiet."""
    from fan_out import put_together

    database = f"peer_{peer.replace('-', '_')}"
    await make_database(servers.address, database)
    await asyncio.to_thread(_run, peer, 20, servers, database)  # its tables are made here
    before = await servers.quiet()
    said = await asyncio.to_thread(_run, peer, nodes, servers, database)
    return put_together(peer, nodes, said, before, await servers.quiet())


def _run(peer: str, nodes: int, servers: "Servers", database: str) -> dict[str, object]:
    command = [str(PYTHON), str(HERE / "fan_out_peers_arms.py"), peer, str(nodes)]
    address = f"postgresql://postgres@/{database}?host={servers.settings.runtime_path}"
    environment = {**os.environ, "PEER_DATABASE": address}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


async def make_database(address: str, name: str) -> None:
    """Make the database unless an earlier round has."""
    connection = await asyncpg.connect(address)
    try:
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
