"""One peer's fan-out in this process, in the peers' own interpreter: prints one line of JSON."""

import asyncio
import json
import operator
import os
import resource
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypedDict

Spent = tuple[float, float]
ADDRESS = os.environ["PEER_DATABASE"]


class Words(TypedDict, total=False):
    """The state of LangGraph's graph: what is to be said, and what was."""

    words: list[str]
    said: Annotated[list[str], operator.add]


async def langgraph(nodes: int) -> tuple[Spent, int]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Send

    async def note(given: dict[str, str]) -> dict[str, list[str]]:
        return {"said": [given["word"]]}

    graph = StateGraph(Words)
    graph.add_node("note", note)
    graph.add_conditional_edges(
        START, lambda state: [Send("note", {"word": word}) for word in state["words"]]
    )
    graph.add_edge("note", END)
    async with AsyncPostgresSaver.from_conn_string(ADDRESS) as saver:
        await saver.setup()
        compiled = graph.compile(checkpointer=saver)
        settings: Any = {
            "configurable": {"thread_id": str(uuid.uuid4())},
            "max_concurrency": 16,
            "recursion_limit": nodes + 10,
        }
        given: Any = {"words": [f"w{number}" for number in range(nodes)], "said": []}
        spent, ended = await timed(compiled.ainvoke(given, settings, durability="sync"))
        return spent, nodes - len(set(ended["said"]))


async def dbos(nodes: int, *, children: bool) -> tuple[Spent, int]:
    from dbos import DBOS, DBOSConfig

    config: DBOSConfig = {
        "name": "fan-out",
        "system_database_url": ADDRESS.replace("postgresql://", "postgresql+psycopg://"),
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)

    @DBOS.step()
    async def note(word: str) -> dict[str, str]:
        return {"said": word}

    @DBOS.workflow()
    async def child(word: str) -> dict[str, str]:
        return await note(word)

    @DBOS.workflow()
    async def by_steps(count: int) -> list[str]:
        ended = await asyncio.gather(*(note(f"w{number}") for number in range(count)))
        return [item["said"] for item in ended]

    @DBOS.workflow()
    async def by_children(count: int) -> list[str]:
        handles = [await DBOS.start_workflow_async(child, f"w{number}") for number in range(count)]
        ended = [await handle.get_result() for handle in handles]
        return [item["said"] for item in ended]

    DBOS.launch()
    try:
        spent, said = await timed((by_children if children else by_steps)(nodes))
        return spent, nodes - len(set(said))
    finally:
        DBOS.destroy()


async def timed(work: Awaitable[Any]) -> tuple[Spent, Any]:
    """The seconds and the CPU seconds of this process that the work took, and what came of it."""
    begun, before = time.monotonic(), time.process_time()
    result = await work
    return (time.monotonic() - begun, time.process_time() - before), result


WORK: dict[str, Callable[[int], Coroutine[Any, Any, tuple[Spent, int]]]] = {
    "langgraph": langgraph,
    "dbos-steps": lambda nodes: dbos(nodes, children=False),
    "dbos-children": lambda nodes: dbos(nodes, children=True),
}


def main() -> None:
    peer, nodes = sys.argv[1], int(sys.argv[2])
    (wall, cpu), failures = asyncio.run(WORK[peer](nodes))
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {
        "wall": wall,
        "failures": failures,
        "cpu": cpu,
        "peak_rss": used.ru_maxrss / 1024,
        "asked": {},
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
