"""One arm of the fan-out in this process: `fan_out_arms.py ARM NODES` prints one line of JSON."""

import asyncio
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx
from prefect import flow

Spent = tuple[float, float]
ASKED: Counter[str] = Counter()
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def count_calls() -> None:
    """Count every request that leaves this process through httpx, by method and path."""
    for kind, name in (
        (httpx.AsyncHTTPTransport, "handle_async_request"),
        (httpx.HTTPTransport, "handle_request"),
    ):
        setattr(kind, name, _counted(getattr(kind, name)))


def _counted(send: Callable[..., Any]) -> Callable[..., Any]:
    def counted(transport: Any, request: httpx.Request) -> Any:
        ASKED[f"{request.method} {IDS.sub('ID', request.url.path)}"] += 1
        return send(transport, request)

    return counted


@flow(name="bench-trivial")
async def trivial(word: str) -> dict[str, str]:
    return {"said": word}


@flow(name="bench-bare")
async def bare(nodes: int, most: int) -> int:
    gate = asyncio.Semaphore(most)

    async def one(number: int) -> bool:
        async with gate:
            state: Any = await trivial(f"w{number}", return_state=True)
            return bool(state.is_completed())

    ended = await asyncio.gather(*map(one, range(nodes)), return_exceptions=True)
    return sum(result is not True for result in ended)


async def hub(nodes: int) -> tuple[Spent, int]:
    from blocks.records import ledger, projects
    from blocks.records.database import Database
    from blocks.settings import load_settings
    from capsules.plan import Plan, PlanNode
    from flows.project import run_project

    settings = load_settings()
    given = [
        PlanNode(
            id=f"n{number}",
            title=f"N {number}",
            capsule="benchnote",
            version="1.0.0",
            inputs={"word": f"w{number}"},
        )
        for number in range(nodes)
    ]
    plan = Plan(blueprint="bench", blueprint_version="1.0.0", nodes=given)
    database = Database(settings.database_address)
    try:
        project = await projects.create_project(
            database, tenant=settings.tenant, title="Fan-out", blueprint="bench", inputs={},
            plan=plan.model_dump(mode="json"), plan_digest=plan.digest, nodes=plan.lines(),
            requested_by="bench",
        )  # fmt: skip
        await projects.mark_launched(database, project.id, tenant=settings.tenant)
        spent, _ = await timed(run_project(project.id, return_state=True))
        lines = await ledger.list_nodes(database, project.id)
    finally:
        await database.close()
    for reason in {line.reason for line in lines if line.state != "completed"}:
        sys.stderr.write(f"{reason}\n")
    return spent, sum(line.state != "completed" for line in lines)


async def prefect_alone(nodes: int, most: int) -> tuple[Spent, int]:
    return await timed(bare(nodes, most))


async def timed(work: Awaitable[Any]) -> tuple[Spent, Any]:
    """The seconds and the CPU seconds of this process that the work took, and what came of it."""
    begun, before = time.monotonic(), time.process_time()
    result = await work
    return (time.monotonic() - begun, time.process_time() - before), result


WORK: dict[str, Callable[[int], Coroutine[Any, Any, tuple[Spent, int]]]] = {
    "hub": hub,
    "bare": lambda nodes: prefect_alone(nodes, nodes),
    "bare-16": lambda nodes: prefect_alone(nodes, 16),
}


def main() -> None:
    arm, nodes = sys.argv[1], int(sys.argv[2])
    count_calls()
    (wall, cpu), failures = asyncio.run(WORK[arm](nodes))
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {
        "wall": wall,
        "failures": failures,
        "cpu": cpu,
        "peak_rss": used.ru_maxrss / 1024,
        "asked": dict(ASKED.most_common()),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
