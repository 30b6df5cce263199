"""How a refusal shows: states, retries, caches, records."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import Task, flow
from prefect.cache_policies import INPUTS
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.task_runners import ProcessPoolTaskRunner
from prefect.task_worker import TaskWorker

from blocks.context import running
from blocks.errors import ApprovalNeeded, PolicyDenied
from tasks.governed import governed_task

pytestmark = [pytest.mark.usefixtures("prefect_api"), pytest.mark.slow]


def run(flow_body: Any, context: Any) -> Any:
    """What the async function gives, run as a flow under the context."""
    with running(context):
        return asyncio.run(flow(flow_body, persist_result=False)())


async def shown_states(flow_run: Any, count: int) -> dict[str, tuple[str, str, str]]:
    """Task name -> type, name and message of its state, as Prefect's server has it."""
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    async with get_client() as client:
        for _ in range(100):
            found = await client.read_task_runs(flow_run_filter=chosen)
            if len(found) == count and all(item.state and item.state.is_final() for item in found):
                break
            await asyncio.sleep(0.2)
    return {
        item.name.rpartition("-")[0]: (item.state.type, item.state.name, item.state.message) for item in found
    }


@pytest.mark.parametrize(
    ("verdict", "error", "state"),
    [("deny", PolicyDenied, "PolicyDenied"), ("approve", ApprovalNeeded, "AwaitingApproval")],
)
def test_prefect_shows_the_refusal_with_its_article_and_reason(verdict, error, state, under):
    """All four kinds of task end FAILED under the refusal's own name, on Prefect's server too."""

    @governed_task
    def plainly() -> None: ...

    @governed_task
    async def later() -> None: ...

    @governed_task
    def many():
        yield 1

    @governed_task
    async def many_later():
        yield 1

    async def body() -> Any:
        from prefect.runtime import flow_run

        for call in (plainly, lambda: list(many())):
            with pytest.raises(error):
                call()
        with pytest.raises(error):
            await later()
        with pytest.raises(error):
            _ = [item async for item in many_later()]
        return [await shown_states(flow_run.id, 4)]

    shown = run(body, under(verdict))[0]

    assert shown == {
        name: ("FAILED", state, f"{state}: article A-1: not {name}")
        for name in ("plainly", "later", "many", "many_later")
    }


def test_a_refusal_can_be_read_from_the_state(under):
    """`return_state` gives the named state, and its result is the error with its fields."""

    @governed_task(persist_result=True)
    def forbidden() -> None: ...

    async def body() -> Any:
        state = forbidden(return_state=True)
        return [state.name, await state.aresult(raise_on_failure=False)]

    name, error = run(body, under("deny"))

    assert name == "PolicyDenied"
    assert (error.article, error.reason, error.action) == ("A-1", "not forbidden", "forbidden")


@pytest.mark.parametrize(
    "options", [{}, {"retry_condition_fn": lambda *_: True}], ids=["plain", "own condition"]
)
def test_a_refusal_is_never_tried_again(options, under, recorded):
    """With three retries the guard is asked once."""

    @governed_task(retries=3)
    def forbidden() -> None: ...

    @governed_task(retries=3)
    async def forbidden_later() -> None: ...

    async def body() -> None:
        with pytest.raises(PolicyDenied):
            forbidden.with_options(**options)()
        with pytest.raises(PolicyDenied):
            await forbidden_later.with_options(**options)()

    context = under("deny")
    run(body, context)
    context.audit.flush_blocking()

    assert [row["action"] for row in recorded] == ["forbidden", "forbidden_later"]


def test_failures_are_still_tried_again_and_each_try_is_decided(under, recorded, marks):
    """An allowed task that fails is retried, and the guard is asked before each try."""

    @governed_task(retries=2)
    def flaky(path: str) -> str:
        with Path(path).open("a") as file:
            file.write("ran\n")
        if Path(path).read_text().count("ran") < 3:
            raise ValueError("not yet")
        return "done"

    context = under("allow")

    async def body() -> Any:
        return [flaky(str(marks))]

    assert run(body, context) == ["done"]
    context.audit.flush_blocking()
    assert len(recorded) == 3


def test_a_task_around_a_refused_one_is_not_tried_again(under, marks):
    """A refusal inside of a body is as final as one before it."""

    @governed_task(action="inner")
    def inner() -> None: ...

    @governed_task(stage="notification", action="outer", retries=2)
    def outer(path: str) -> None:
        with Path(path).open("a") as file:
            file.write("ran\n")
        inner()

    async def body() -> None:
        with pytest.raises(PolicyDenied):
            outer(str(marks))

    run(body, under("deny"))

    assert marks.read_text() == "ran\n"


def caching(way: str, key: str) -> dict[str, Any]:
    return {
        "inputs": {"cache_policy": INPUTS},
        "key function": {"cache_key_fn": lambda *_: key},
        "storage key": {"result_storage_key": key},
        "inputs given later": {},
    }[way]


@pytest.mark.parametrize("way", ["inputs", "key function", "storage key", "inputs given later"])
def test_what_was_cached_before_is_not_handed_out_after_a_refusal(way, under, recorded, marks):
    """Across runs a cached result answers only while the action is allowed, and each time is recorded."""

    @governed_task(action="count", persist_result=True, **caching(way, f"key-{time.time_ns()}"))
    def count(path: str) -> str:
        with Path(path).open("a") as file:
            file.write("ran\n")
        return "done"

    task = count.with_options(cache_policy=INPUTS) if way == "inputs given later" else count
    context = under("allow")

    async def body() -> Any:
        state = task(str(marks), return_state=True)
        return [state.name]

    names = [run(body, context)[0] for _ in range(2)]
    context.constitution.replace(under("deny").constitution.current())
    names += run(body, context)
    context.audit.flush_blocking()

    assert names == ["Completed", "Cached", "PolicyDenied"]
    assert marks.read_text() == "ran\n"
    assert [row["verdict"] for row in recorded] == ["allow", "allow", "deny"]


def test_a_tenant_is_never_answered_from_another_tenants_cache(under, marks):
    """The same call by another tenant runs anew."""

    @governed_task(action="count", persist_result=True, cache_policy=INPUTS)
    def count(path: str) -> str:
        with Path(path).open("a") as file:
            file.write("ran\n")
        return "done"

    async def body() -> Any:
        return [count(str(marks), return_state=True).name]

    assert [run(body, under("allow", tenant=tenant))[0] for tenant in ("acme", "umbrella")] == [
        "Completed"
    ] * 2
    assert marks.read_text() == "ran\nran\n"


def test_another_name_does_not_change_the_action(under, recorded):
    """`with_options(name=...)` renames what Prefect shows, not what the constitution is asked about."""

    @governed_task(stage="tool.call", action="bandit.scan")
    def scan() -> str:
        return "done"

    context = under("allow")

    async def body() -> Any:
        return [scan.with_options(name="harmless")()]

    run(body, context)
    context.audit.flush_blocking()

    calls = [row for row in recorded if row["stage"] != "tool.result"]
    assert [(row["stage"], row["action"]) for row in calls] == [("tool.call", "bandit.scan")]


def test_prefects_own_hooks_keep_running(under):
    """`on_running`, `on_completion` and `on_failure` see the run as they do with any task."""
    seen: list[str] = []

    def note(task: Any, run: Any, state: Any) -> None:
        seen.append(state.name)

    @governed_task(on_running=[note], on_completion=[note], on_failure=[note])
    def step() -> None: ...

    async def body() -> None:
        step(return_state=True)

    run(body, under("allow"))
    run(body, under("deny"))

    assert seen == ["Running", "Completed", "Running", "PolicyDenied"]


def test_a_process_of_its_own_has_no_context_and_is_denied(under, marks):
    """What `ProcessPoolTaskRunner` runs elsewhere is denied, though it is allowed here."""

    @governed_task(action="count")
    def count(path: str) -> None:
        with Path(path).open("a") as file:
            file.write("ran\n")

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1), persist_result=False)
    def pooled() -> Any:
        state = count.submit(str(marks), return_state=True)
        return [state.name, state.message]

    with running(under("allow")):
        name, message = pooled()

    assert marks.read_text() == ""
    assert name == "PolicyDenied"
    assert "there is no run context" in message


@pytest.mark.parametrize("inside", [True, False], ids=["a worker in a run", "a worker alone"])
def test_what_a_task_worker_runs_is_decided_there(inside, under, marks):
    """A delayed task is asked about where it runs, in the context of that place or in none."""

    @governed_task(action="count")
    def count(path: str) -> None:
        with Path(path).open("a") as file:
            file.write("ran\n")

    async def work() -> str:
        future = count.delay(str(marks))
        async with get_client() as client:
            queued = await client.read_task_run(future.task_run_id)
            async with TaskWorker(count) as worker:
                await worker.execute_task_run(queued)
            for _ in range(100):
                found = await client.read_task_run(future.task_run_id)
                if found.state and found.state.is_final():
                    break
                await asyncio.sleep(0.2)
        return found.state.name

    if inside:
        with running(under("deny")):
            assert asyncio.run(work()) == "PolicyDenied"
    else:
        assert asyncio.run(work()) == "PolicyDenied"
    assert marks.read_text() == ""


def test_a_plain_task_cannot_be_made_of_a_governed_function(under, marks):
    """A plain task that caches could answer without asking, so the sealed function does not run in one."""

    @governed_task(action="count")
    def count(path: str) -> None:
        with Path(path).open("a") as file:
            file.write("ran\n")

    state = None
    with running(under("allow")):
        state = Task(count.fn, cache_policy=INPUTS, persist_result=True)(str(marks), return_state=True)

    assert state.name == "PolicyDenied"
    assert marks.read_text() == ""
