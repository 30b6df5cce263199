"""What the guard costs: governed tasks against bare Prefect tasks, in one flow, taking turns."""

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from prefect import flow, task

from blocks.context import running
from capsules.environment import Environment, service_context, service_run
from tasks.governed import governed_task


@dataclass(frozen=True, kw_only=True)
class GuardCost:
    """Milliseconds a task, and the ratio of the two turn by turn."""

    bare_ms: list[float]
    governed_ms: list[float]

    @property
    def ratios(self) -> list[float]:
        return [governed / bare for governed, bare in zip(self.governed_ms, self.bare_ms, strict=True)]

    def row(self) -> tuple[str, str, str]:
        ratio = statistics.median(self.ratios)
        low, _, high = statistics.quantiles(self.ratios, n=4)
        return (
            "governed task / bare Prefect task",
            (
                f"{ratio:.3f} (half of the turns {low:.3f} to {high:.3f}); "
                f"{statistics.median(self.governed_ms):.2f} ms / {statistics.median(self.bare_ms):.2f} ms"
            ),
            "at most 1.05",
        )


@task
async def bare(number: int) -> int:
    return number


@governed_task
async def governed(number: int) -> int:
    return number


@asynccontextmanager
async def in_a_capsule(opened: Environment) -> AsyncIterator[None]:
    """The context in which a capsule's tasks run, under the constitution that ships with the hub."""
    with running(replace(service_context(opened), capsule="bench", capsule_version="1.0.0")):
        yield


@flow(name="guard-cost")
async def guard_cost(turns: int = 100, each: int = 10) -> tuple[list[float], list[float]]:
    """Time `turns` × `each` calls of both tasks; who goes first changes with every turn."""
    times: dict[str, list[float]] = {"bare": [], "governed": []}
    async with service_run() as opened, in_a_capsule(opened):
        for number in range(20):
            await bare(number)
            await governed(number)
        for turn in range(turns):
            order = [("bare", bare), ("governed", governed)]
            for name, called in order if turn % 2 else reversed(order):
                begun = time.perf_counter()
                for number in range(each):
                    await called(number)
                times[name].append((time.perf_counter() - begun) / each * 1000)
    return times["bare"], times["governed"]


async def measure(turns: int = 100, each: int = 10) -> GuardCost:
    bare_ms, governed_ms = await guard_cost(turns, each)
    return GuardCost(bare_ms=bare_ms, governed_ms=governed_ms)
