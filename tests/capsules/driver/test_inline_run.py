"""Inline nodes in Prefect: what it is asked, what it shows, and that what runs inside is none the wiser."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prefect import flow, get_run_logger, runtime, task
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun, State
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.context import FlowRunContext

from blocks.records import ledger
from blocks.records.tables import Project
from blocks.results import ResultStore
from blocks.settings import load_settings
from capsules.inline_calls import LONGEST_SHOWN, Lanes, shown
from capsules.inline_run import run_inline_flow
from flows.project import run_project

AT_ONCE = 16
"""The driver's own bound."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """What this process asks Prefect's server from its event loops, by method and the last word."""
    seen: Counter[str] = Counter()
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def counted(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        seen[f"{request.method} {request.url.path.rstrip('/').rpartition('/')[2]}"] += 1
        return await send(transport, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", counted)
    return seen


async def children(parent: str) -> list[FlowRun]:
    async with get_client() as client:
        wanted = FlowRunFilter.model_validate({"parent_flow_run_id": {"any_": [parent]}})
        return await client.read_flow_runs(flow_run_filter=wanted, limit=200)


async def drive(project: Project) -> tuple[State[Any], list[FlowRun]]:
    state = await run_project(project.id, return_state=True)
    return state, await children(str(state.state_details.flow_run_id))


def test_each_inline_node_is_a_child_of_the_driver_for_two_calls(toybox: Any, asked: Counter[str]) -> None:
    """Its name, parameters and end are Prefect's to show; no result is lost or another node's."""
    names = [f"n{number}" for number in range(40)]
    project = toybox.launch(*(toybox.node(name) for name in names))
    state, shown_runs = asyncio.run(drive(project))
    lines = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    fetch = ResultStore(load_settings().results_path).fetch

    assert state.is_completed()
    assert {run.name: run.parameters for run in shown_runs} == {n.title(): {"word": n} for n in names}
    assert {run.state_name for run in shown_runs} == {"Completed"}
    assert all(run.start_time and run.end_time for run in shown_runs)
    assert {line.node: fetch(line.result)["said"] for line in lines} == {name: name for name in names}
    assert {line.flow_run for line in lines} == {str(run.id) for run in shown_runs}
    assert asked["POST set_state"] <= len(names) + 4
    assert asked["POST flow_runs"] <= len(names) + 1
    assert asked["POST task_runs"] <= AT_ONCE
    asked["POST filter"] = 0  # looks for wishes of people, now and then
    assert sum(asked.values()) <= 2 * len(names) + AT_ONCE + 20


def test_a_child_shows_how_its_node_ended(toybox: Any, constitution: Any) -> None:
    """Failures keep their words, refusals are named for the guard, and wrong inputs run nothing."""
    denied = (
        "articles:\n  - {id: T-1, principle: P1, title: No fingers, stages: [tool.call], "
        "actions: [toy.finger], verdict: deny, reason: fingers leave marks}\n"
    )
    constitution.write_text(constitution.read_text().replace("articles: []", denied))
    project = toybox.launch(
        toybox.node("fine"),
        toybox.node("broken", "fail"),
        toybox.node("caught", "touch"),
        toybox.node("wrong", inputs={"word": 1}),
    )
    _, runs = asyncio.run(drive(project))
    said = {run.name: (run.state_name, (run.state and run.state.message) or "") for run in runs}

    assert said["Fine"][0] == "Completed"
    assert said["Broken"] == ("Failed", "Flow run encountered an exception: ValueError: the toy is broken")
    assert said["Caught"][0] == "PolicyDenied"
    assert "T-1: fingers leave marks" in said["Caught"][1]
    assert said["Wrong"][0] == "Failed"
    assert "Validation of flow parameters failed" in said["Wrong"][1]


def test_tasks_loggers_and_the_runtime_find_the_run_that_they_are_in(prefect_api: str) -> None:
    """A task's run belongs to the child, not to its parent, and is recorded like any other."""
    seen: list[str] = []

    @task
    async def inner() -> None:
        get_run_logger().info("here")

    @flow(name="inline-child")
    async def child() -> None:
        await inner()
        context = FlowRunContext.get()
        seen.extend(
            [str(runtime.flow_run.id), str(context.flow_run.id if context and context.flow_run else "")]
        )

    @flow(name="inline-parent")
    async def parent() -> None:
        await run_inline_flow(child, {}, name="Child", key=f"inline:{runtime.flow_run.id}", lanes=Lanes())

    async def found() -> tuple[str, list[Any]]:
        state: Any = await parent(return_state=True)
        run = str((await children(str(state.state_details.flow_run_id)))[0].id)
        async with get_client() as client:
            return run, await recorded(client, run)

    run, tasks = asyncio.run(found())
    assert seen == [run, run]
    assert [item.state_name for item in tasks] == ["Completed"]


async def recorded(client: Any, flow_run: str) -> list[Any]:
    """The task runs of a flow run, once the server has worked off the events that tell of them."""
    wanted = TaskRunFilter.model_validate({"flow_run_id": {"any_": [flow_run]}})
    for _ in range(200):
        found = await client.read_task_runs(task_run_filter=wanted)
        if found and all(item.state and item.state.is_final() for item in found):
            return list(found)
        await asyncio.sleep(0.1)
    raise AssertionError("the task's run was never recorded")


@pytest.mark.parametrize(
    ("stop", "name"),
    [
        (lambda task: task.cancel("ann wants no more of it"), "Cancelled"),
        (lambda task: task.cancel(), "Crashed"),
    ],
)
def test_a_child_that_is_stopped_says_so(
    prefect_api: str, stop: Callable[["asyncio.Task[Any]"], object], name: str
) -> None:
    """Cancelled for a reason, it bears the reason; cancelled because its process ends, it has crashed."""

    @flow(name="inline-endless")
    async def endless() -> None:
        await asyncio.sleep(600)

    @flow(name="inline-stopper")
    async def parent() -> None:
        running: asyncio.Task[Any] = asyncio.create_task(
            run_inline_flow(endless, {}, name="Endless", key=f"inline:{name}", lanes=Lanes())
        )
        await at_work(str(runtime.flow_run.id))
        stop(running)
        await asyncio.gather(running, return_exceptions=True)

    async def found() -> FlowRun:
        state: Any = await parent(return_state=True)
        return (await children(str(state.state_details.flow_run_id)))[0]

    run = asyncio.run(found())
    assert run.state_name == name
    assert run.state is not None
    assert ("ann wants no more of it" in str(run.state.message)) == (name == "Cancelled")


async def at_work(parent: str) -> None:
    for _ in range(2400):
        if (found := await children(parent)) and found[0].state_name == "Running":
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.1)


def test_long_parameters_are_not_sent() -> None:
    """Prefect shows that there is something, and how long it is."""
    given = {"short": [1, 2], "long": "x" * (LONGEST_SHOWN + 1)}
    assert shown(given) == {"short": [1, 2], "long": f"[{LONGEST_SHOWN + 3:,} characters, not shown here]"}
