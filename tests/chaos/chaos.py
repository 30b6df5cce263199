"""Kills random processes of a working hub with -9, again and again, and then looks whether anything was lost.

`make chaos` runs it with 100 kills; CI with a few.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from checking import Finding, check
from hub import ChaosHub
from killing import kill_one
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from traffic import Traffic

from blocks.errors import Unavailable

PARTS = ("driver", "capsule", "worker", "fork server", "gateway", "prefect", "valkey", "postgres")
AFTERWARDS = 600.0
"""Seconds that projects have to end after the last kill."""
ROLES = text("SELECT pid, kind FROM holders WHERE expires_at > now()")


@dataclass(frozen=True, kw_only=True)
class Storm:
    """How hard it is to blow."""

    kills: int
    longest: float
    """Seconds between two kills, at most."""
    parts: tuple[str, ...] = PARTS
    seconds: float = 0
    """How long the load goes on at least, also without kills."""
    at_once: int = 5
    """Projects at work at any time."""


async def rage(hub: ChaosHub, chance: random.Random, storm: Storm) -> Counter[str]:
    """Kill as many processes as asked for, one every few seconds; how many of each part."""
    done: Counter[str] = Counter()
    end = time.monotonic() + storm.seconds
    while sum(done.values()) < storm.kills:
        await asyncio.sleep(chance.uniform(storm.longest / 3, storm.longest))
        part = kill_one(hub.settings, await roles(hub), chance, storm.parts)
        if part is not None:
            done[part] += 1
    await asyncio.sleep(max(0, end - time.monotonic()))
    return done


async def roles(hub: ChaosHub) -> dict[int, str]:
    """Which processes drive projects and which run capsules, as far as the records tell now."""
    try:
        async with hub.database.session() as session:
            rows = (await (await session.connection()).execute(ROLES)).all()
    except Unavailable:
        return {}
    return {int(row.pid): "driver" if row.kind == "driver" else "capsule" for row in rows}


async def run(folder: Path, seed: int, storm: Storm) -> int:
    """Storm, calm, look; 0 when nothing is wrong."""
    hub, chance = ChaosHub(folder), random.Random(seed)
    await hub.up()
    try:
        traffic = Traffic(hub, chance, at_once=storm.at_once)
        stop, began = asyncio.Event(), time.monotonic()
        flow = asyncio.create_task(traffic.flow(stop))
        killed = await rage(hub, chance, storm)
        stop.set()
        stormed = time.monotonic() - began
        await asyncio.wait({flow}, timeout=AFTERWARDS)
        flow.cancel()
        calm = time.monotonic() - began - stormed
        findings = [finding async for finding in check(hub, traffic)]
    finally:
        hub.down()
    tell(killed, findings, f"seed {seed}: {stormed:.0f} s of storm, all ended {calm:.0f} s after it")
    return int(any(finding.wrong for finding in findings))


def tell(killed: Counter[str], findings: list[Finding], title: str) -> None:
    """Print what was killed and what was found."""
    console = Console(width=120)
    table = Table(title=title)
    for heading in ("killed with -9", "times"):
        table.add_column(heading)
    for part in PARTS:
        table.add_row(part, str(killed[part]))
    table.add_row("all", str(sum(killed.values())))
    console.print(table)
    table = Table()
    for heading in ("looked at", "number", "wrong"):
        table.add_column(heading)
    for finding in findings:
        table.add_row(finding.what, str(finding.counted), "\n".join(finding.wrong[:20]) or "nothing")
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds between two kills, at most")
    parser.add_argument("--seconds", type=float, default=0, help="of load, also without kills")
    parser.add_argument("--at-once", type=int, default=5, help="projects at work at any time")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is killed")
    parser.add_argument("--seed", type=int, default=None, help="draws the same victims again")
    parser.add_argument("--keep", type=Path, default=None, help="a new folder that is kept for a look")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory(prefix="soma-chaos-") as folder:
        place = given.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        storm = Storm(
            kills=given.kills,
            longest=given.longest,
            parts=tuple(given.parts),
            seconds=given.seconds,
            at_once=given.at_once,
        )
        return asyncio.run(run(place, seed, storm))


if __name__ == "__main__":
    sys.exit(main())
