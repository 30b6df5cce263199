"""What the worker tells of itself and of the fork server to those who watch the hub."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from blocks.warm_worker.processes import own_memory
from blocks.watching.server import Page, Part, pages

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

OVERDUE = 60.0
"""Seconds without a look for runs after which the worker does not work; it looks every ten at least."""


class WorkerMeters(Collector):
    """The worker's places and runs, and the process that they are forked from."""

    def __init__(self, worker: "WarmWorker") -> None:
        self.worker = worker

    def collect(self) -> Iterator[Metric]:
        places = self.worker.intake.places
        taken = Counter(places.taken.values())
        most = GaugeMetricFamily(
            "soma_worker_places", "How many runs of a kind may be at work.", labels=("place",)
        )
        used = GaugeMetricFamily(
            "soma_worker_places_taken", "How many runs of a kind are at work.", labels=("place",)
        )
        for place, number in places.most.items():
            most.add_metric((place,), number)
            used.add_metric((place,), taken[place])
        yield from (most, used)
        if (since := since_look(self.worker)) is not None:
            text = "Seconds since the worker last had Prefect's answer which runs are due."
            yield GaugeMetricFamily("soma_worker_looked_seconds", text, value=since)
        server = self.worker.forks.server
        text = "Whether the fork server, which runs are forked from, is there."
        yield GaugeMetricFamily("soma_fork_server_up", text, value=float(server is not None))
        if server is not None:
            text = "The memory of the fork server, what it shares with runs counted in part."
            yield GaugeMetricFamily("soma_fork_server_memory_bytes", text, value=own_memory(server))


def worker_pages(worker: "WarmWorker") -> dict[str, Page]:
    """What the worker serves over HTTP."""
    registry = CollectorRegistry()
    registry.register(WorkerMeters(worker))
    ProcessCollector(registry=registry)

    async def parts() -> Sequence[Part]:
        forks = None if worker.forks.server is not None else "it is not there"
        since = since_look(worker)
        fine = since is not None and since <= OVERDUE
        looks = None if fine else f"it has not said within {OVERDUE:g} s which runs are due"
        return [Part(name="fork server", trouble=forks), Part(name="prefect", trouble=looks)]

    return pages(registry, parts)


def since_look(worker: "WarmWorker") -> float | None:
    """Seconds since Prefect last said which runs are due; None before the first time."""
    return time.monotonic() - worker.looked_at if worker.looked_at is not None else None
