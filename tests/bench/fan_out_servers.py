"""What the servers of a hub have spent so far: CPU time from /proc, rows and commits from PostgreSQL."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from blocks.settings import Settings

TICK = os.sysconf("SC_CLK_TCK")
STEP = 2.0
"""Seconds between two looks; PostgreSQL's counters lag by up to one second."""
IDLE = 0.12
"""Share of one core below which the servers count as quiet: they work off events after the fact."""
LONGEST = 60.0
COUNTED = """
SELECT coalesce(sum(tup_inserted + tup_updated + tup_deleted), 0), coalesce(sum(xact_commit), 0)
FROM pg_stat_database WHERE datname IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Totals since the servers were started; CPU in seconds."""

    prefect_cpu: float
    postgres_cpu: float
    rows: int
    transactions: int


class Servers:
    """The hub's Prefect server and PostgreSQL, by their process ids."""

    def __init__(self, settings: Settings, pids: dict[str, int]) -> None:
        self.settings = settings
        self.prefect = pids["prefect"]
        self.postgres = pids["postgres"]
        self.address = f"postgresql://postgres@/postgres?host={settings.runtime_path}"

    async def quiet(self) -> Reading:
        """Wait until the servers have worked off what they were told, and read what they have spent."""
        before, waited = await self.read(), 0.0
        while True:
            await asyncio.sleep(STEP)
            now, waited = await self.read(), waited + STEP
            spent = now.prefect_cpu + now.postgres_cpu - before.prefect_cpu - before.postgres_cpu
            if spent < IDLE * STEP or waited > LONGEST:
                return now
            before = now

    async def read(self) -> Reading:
        connection = await asyncpg.connect(self.address)
        try:
            rows, transactions = await connection.fetchrow(COUNTED)
        finally:
            await connection.close()
        return Reading(
            prefect_cpu=family_cpu(self.prefect),
            postgres_cpu=family_cpu(self.postgres),
            rows=int(rows),
            transactions=int(transactions),
        )


def family_cpu(pid: int) -> float:
    """CPU seconds of a process, of its living children and of those that it has outlived."""
    parents = {}
    spent = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (numbers := _stat(entry)):
            parents[int(entry.name)], spent[int(entry.name)] = numbers
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(member, 0.0) for member in family)


def _stat(entry: Path) -> tuple[int, float] | None:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(int(part) for part in fields[11:15]) / TICK
