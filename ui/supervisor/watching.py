"""What the supervisor tells of the processes that it has started, which need not speak HTTP themselves."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from blocks.settings import Settings
from blocks.warm_worker.processes import family, own_memory
from blocks.watching.server import Part, pages, serving
from ui.supervisor.process import Process

PATIENCE = 3.0
"""Seconds that a process may take to say that it is ready."""
TICK = os.sysconf("SC_CLK_TCK")


class ProcessMeters(Collector):
    """Each process of the hub with all that descend from it: PostgreSQL's backends, a fork server's runs."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        self.processes = processes

    def collect(self) -> Iterator[Metric]:
        labels = ("process",)
        up = GaugeMetricFamily("soma_process_up", "Whether the process runs.", labels=labels)
        restarts = CounterMetricFamily(
            "soma_process_restarts", "How often it died and was started again.", labels=labels
        )
        memory = GaugeMetricFamily(
            "soma_process_memory_bytes", "Its memory, what several share counted in part.", labels=labels
        )
        used = CounterMetricFamily(
            "soma_process_cpu_seconds", "The processor time that it has used.", labels=labels
        )
        for name, process in list(self.processes.items()):
            up.add_metric((name,), float(process.pid is not None))
            restarts.add_metric((name,), process.restarts)
            if process.pid is not None:
                members = [member.pid for member in family(process.pid)]
                memory.add_metric((name,), sum(map(own_memory, members)))
                used.add_metric((name,), sum(map(_cpu_seconds, members)))
        yield from (up, restarts, memory, used)


def _cpu_seconds(pid: int) -> float:
    """What the process has used, and those of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK


async def look_at(processes: Mapping[str, Process]) -> Sequence[Part]:
    """Each process, and what is wrong with those that do not do their work."""
    return await asyncio.gather(*(_look(name, process) for name, process in list(processes.items())))


async def _look(name: str, process: Process) -> Part:
    if process.pid is None:
        return Part(name=name, trouble="it does not run")
    try:
        ready = await asyncio.wait_for(process.child.ready(), PATIENCE)
    except TimeoutError:
        return Part(name=name, trouble=f"no answer within {PATIENCE:g} s")
    except OSError as error:
        return Part(name=name, trouble=type(error).__name__)
    return Part(name=name, trouble=None if ready else "it is not ready")


@asynccontextmanager
async def watched(processes: Mapping[str, Process], settings: Settings) -> AsyncIterator[None]:
    """Serve `/health`, `/ready` and `/metrics` of all of them for as long as the caller is inside."""
    registry = CollectorRegistry()
    registry.register(ProcessMeters(processes))
    ProcessCollector(registry=registry)

    async def parts() -> Sequence[Part]:
        return await look_at(processes)

    port = settings.supervisor_port + settings.port_offset
    async with serving(settings.gateway_host, port, pages(registry, parts)):
        yield
