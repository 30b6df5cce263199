"""The warm worker beside Prefect's process worker and `serve()`: one server, one flow that does nothing.

Each kind has its turn alone, `--rounds` times over, and may hold ten runs at once; Prefect's kinds ask the
server every second, ten times as often as they do by themselves. CPU and memory are those of what starts
runs and of the runs, not of the server.

Run as a script it needs a hub that is up (with SOMA_MAX_RUNS=10), named by SOMA_DATA_DIR and PREFECT_API_URL.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
from nothing import nothing
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound

from blocks.settings import Settings, load_settings
from blocks.warm_worker.processes import family, own_memory

SCRIPT = Path(__file__).with_name("nothing.py")
KEPT = Path(__file__).resolve().parents[2] / "build" / "bench" / "worker_kinds.md"
POOL = "bench-process"
KINDS = {"warm": "soma-warm", "process": "Prefect's process worker", "serve": "`serve()`"}
AT_ONCE = 10
PATIENCE = 600.0


@dataclass(kw_only=True)
class Figures:
    """What one kind of worker needed."""

    one: list[float] = field(default_factory=list)
    """Seconds from a run's creation to Running, one run at a time."""
    many: list[float] = field(default_factory=list)
    """The same, of runs created at once."""
    wall: list[float] = field(default_factory=list)
    """Seconds until all of those had completed."""
    cpu: list[float] = field(default_factory=list)
    """CPU seconds for each of those runs."""
    idle: int = 0
    """Bytes that it takes before it has run anything."""
    peak: int = 0
    """Bytes that it and its runs take at most."""

    def row(self, kind: str) -> str:
        """A line of the Markdown table."""
        times = [statistics.median(self.one), _p95(self.one), statistics.median(self.many), _p95(self.many)]
        one, one_p95, many, many_p95 = (f"{seconds:.2f}" for seconds in times)
        done, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        return (
            f"| {KINDS[kind]} | {one} | {one_p95} | {len(self.one)} | {many} | {many_p95} "
            f"| {done:.1f} | {cpu:.2f} | {self.idle / 1e6:.0f} | {self.peak / 1e6:.0f} |"
        )


@dataclass(kw_only=True)
class Comparison:
    """The figures of all kinds."""

    kinds: dict[str, Figures] = field(default_factory=lambda: {kind: Figures() for kind in KINDS})

    def rows(self) -> list[str]:
        """The lines of a Markdown table."""
        named = f"| worker | one run, p50 s | p95 s | n | {AT_ONCE} at once, p50 s | p95 s | all done s "
        lines = [named + "| CPU s a run | MB idle | MB at most |", "|---|" + "--:|" * 9]
        return lines + [figures.row(kind) for kind, figures in self.kinds.items()]

    def row(self) -> tuple[str, str, str]:
        """The line of `make bench`."""
        parts = [f"{KINDS[kind]} {statistics.median(found.one):.2f}" for kind, found in self.kinds.items()]
        return "created to Running, p50 in s", ", ".join(parts), "quickest"


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0]


async def measure(settings: Settings, *, rounds: int = 2, runs: int = 5) -> Comparison:
    """Measure every kind `rounds` times; the order changes with every round."""
    found = Comparison()
    async with get_client() as client:
        for turn in range(rounds):
            for kind in list(KINDS) if turn % 2 else reversed(KINDS):
                async with _started(kind, client, settings) as (deployment, roots):
                    await _measure(found.kinds[kind], client, deployment, roots, runs)
    return found


async def _measure(
    figures: Figures, client: PrefectClient, deployment: UUID, roots: list[int], runs: int
) -> None:
    figures.idle = figures.idle or _memory(roots)
    await _run(client, deployment)  # the first one warms caches
    for _ in range(runs):
        figures.one.append((await _run(client, deployment))[0])
    watching = asyncio.create_task(_watch(figures, roots))
    cpu, begun = _cpu(roots), time.monotonic()
    done = await asyncio.gather(*(_run(client, deployment) for _ in range(AT_ONCE)))
    figures.wall.append(time.monotonic() - begun)
    figures.many += [to_running for to_running, _ in done]
    await asyncio.sleep(1)  # processes end a little after their runs
    figures.cpu.append((_cpu(roots) - cpu) / AT_ONCE)
    watching.cancel()


async def _run(client: PrefectClient, deployment: UUID) -> tuple[float, float]:
    """Seconds from creation until the run was Running, and until it had completed."""
    run = await client.create_flow_run_from_deployment(deployment)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        run = await client.read_flow_run(run.id)
        if run.state and run.state.is_final():
            if not (run.state.is_completed() and run.created and run.start_time and run.end_time):
                raise RuntimeError(f"a run ended as {run.state.name}: {run.state.message}")
            return (run.start_time - run.created).total_seconds(), (
                run.end_time - run.created
            ).total_seconds()
        await asyncio.sleep(0.2)
    raise TimeoutError("a run did not end")


async def _watch(figures: Figures, roots: list[int]) -> None:
    while True:
        figures.peak = max(figures.peak, await asyncio.to_thread(_memory, roots))
        await asyncio.sleep(0.3)


def _memory(roots: list[int]) -> int:
    """Bytes of the processes and all below them; what several share counts once."""
    return sum(own_memory(process.pid) for root in roots for process in family(root))


def _cpu(roots: list[int]) -> float:
    """CPU seconds of the processes and of all below them, those that have ended too."""
    total = 0.0
    for process in (process for root in roots for process in family(root)):
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(process.pid).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextlib.asynccontextmanager
async def _started(
    kind: str, client: PrefectClient, settings: Settings
) -> AsyncIterator[tuple[UUID, list[int]]]:
    """A deployment of the flow that is served by this kind alone, and the processes that serve it."""
    if kind == "warm":
        yield await _deployed(client, settings.work_pool), _hub_processes(settings)
        return
    python = [sys.executable, "-m", "prefect"]
    if kind == "process":
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
        deployment = await _deployed(client, POOL)
        command = [*python, "worker", "start", "--pool", POOL, "--type", "process"]
    else:
        deployment = None
        command = [sys.executable, str(SCRIPT), "bench-serve"]
    process = subprocess.Popen(  # noqa: ASYNC220  # starting it takes a moment, once
        command,
        env=os.environ | {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_RUNNER_POLL_FREQUENCY": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        found = deployment or await _served(client)
        await _run(client, found)  # until it is up
        yield found, [process.pid]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


async def _deployed(client: PrefectClient, pool: str) -> UUID:
    return await client.create_deployment(
        flow_id=await client.create_flow(nothing),
        name=f"bench-{pool}",
        entrypoint=f"{SCRIPT}:nothing",
        work_pool_name=pool,
        pull_steps=[],
    )


async def _served(client: PrefectClient) -> UUID:
    for _ in range(300):
        with contextlib.suppress(ObjectNotFound):
            return (await client.read_deployment_by_name("bench-nothing/bench-serve")).id
        await asyncio.sleep(0.2)
    raise TimeoutError("`serve()` did not make its deployment")


def _hub_processes(settings: Settings) -> list[int]:
    """The hub's worker and fork server."""
    wanted = ("blocks.warm_worker", "blocks.warm_worker.fork_server")
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "ppid"]):
        with contextlib.suppress(psutil.Error):
            line = process.info["cmdline"] or []
            ours = process.environ().get("SOMA_DATA_DIR") == str(settings.data_dir)
            parent = psutil.Process(process.info["ppid"])
            if ours and len(line) > 2 and line[2] in wanted and line[1:] != parent.cmdline()[1:]:
                found.append(process.pid)
    return found


def keep(found: Comparison) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text("\n".join(found.rows()) + "\n")


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    settings = load_settings()
    found = asyncio.run(measure(settings, rounds=given.rounds, runs=given.runs))
    keep(found)
    print("\n".join(found.rows()))


if __name__ == "__main__":
    _main()
