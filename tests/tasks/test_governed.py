"""Every way that Prefect and Python offer to run a task, counted by what the body left behind."""

import asyncio
import contextvars
import copy
import functools
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from prefect import Task, flow
from prefect.cache_policies import INPUTS
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import State

from blocks.context import RunContext, running
from blocks.errors import PolicyDenied
from tasks.governed import GovernedTask, governed_task

KINDS = ["function", "coroutine", "generator", "async generator"]
REFUSED_ALWAYS = {
    "a plain task around fn",
    "a plain cached task around fn",
    "another class",
    "another thread",
}


def make(kind: str, **options: Any) -> GovernedTask:
    """A governed task of the kind, whose body adds a line to the file it is given."""

    def function(path: str) -> str:
        with Path(path).open("a") as file:
            file.write("ran\n")
        return "done"

    async def coroutine(path: str) -> str:
        return function(path)

    def generator(path: str) -> Any:
        yield function(path)

    async def async_generator(path: str) -> Any:
        yield function(path)

    bodies = dict(zip(KINDS, (function, coroutine, generator, async_generator), strict=True))
    return governed_task(action="count", **options)(bodies[kind])


def swapped(task: Task) -> Task:
    task = copy.copy(task)
    task.__class__ = Task
    return task


def in_thread(call: Callable[[], Any], context: contextvars.Context) -> Any:
    """What the call gives or raises in another thread, run to its end there."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(context.run(lambda: asyncio.run(settled(call()))))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def bound_to_instance(task: Task) -> Task:
    """The task as Prefect gives it when it is looked up on an instance."""
    return type("Holder", (), {"method": task}).__dict__["method"].__get__(None, object)


WAYS: dict[str, Callable[[GovernedTask, str], Any]] = {
    "call": lambda task, path: task(path),
    "keyword": lambda task, path: task(path=path),
    "return_state": lambda task, path: task(path, return_state=True),
    "submit": lambda task, path: task.submit(path),
    "submit with return_state": lambda task, path: task.submit(path, return_state=True),
    "map": lambda task, path: task.map([path]),
    "other options": lambda task, path: task.with_options(name="harmless", retries=2)(path),
    "its own conditions": lambda task, path: task.with_options(
        cache_policy=INPUTS, persist_result=True, retries=2, retry_condition_fn=lambda *_: True
    )(path),
    "a chain of options": lambda task, path: task.with_options(retries=1).with_options(tags=["x"])(path),
    "a storage key": lambda task, path: task.with_options(result_storage_key=path.replace("/", "_"))(path),
    "fn": lambda task, path: task.fn(path),
    "fn of other options": lambda task, path: task.with_options(name="harmless").fn(path),
    "a plain task around fn": lambda task, path: Task(task.fn)(path),
    "a plain cached task around fn": lambda task, path: Task(
        task.fn, cache_policy=INPUTS, persist_result=True
    )(path),
    "another class": lambda task, path: swapped(task)(path),
    "a governed task around fn": lambda task, path: GovernedTask(task.fn, action="other")(path),
    "copy": lambda task, path: copy.copy(task)(path),
    "deepcopy": lambda task, path: copy.deepcopy(task)(path),
    "cloudpickle": lambda task, path: cloudpickle.loads(cloudpickle.dumps(task))(path),
    "cloudpickled fn": lambda task, path: cloudpickle.loads(cloudpickle.dumps(task.fn))(path),
    "partial": lambda task, path: functools.partial(task, path)(),
    "partial of fn": lambda task, path: functools.partial(task.fn, path)(),
    "wraps": lambda task, path: functools.wraps(task.fn)(functools.partial(task.fn))(path),
    "the method of Task": Task.__call__,
    "an attribute of a class": lambda task, path: bound_to_instance(task)(path),
    "a thread that copies the context": lambda task, path: in_thread(
        lambda: task(path), contextvars.copy_context()
    ),
    "another thread": lambda task, path: in_thread(lambda: task.fn(path), contextvars.Context()),
}
NEEDS_FLOW = {"submit", "submit with return_state", "map"}
NO_STATE = {"return_state", "submit", "submit with return_state", "map"}
"""Prefect itself does not offer these for generators."""


async def settled(found: Any) -> Any:
    """Whatever a way of running gave, run to its end; a refusal is raised."""
    if inspect.isawaitable(found):
        return await settled(await found)
    if inspect.isasyncgen(found):
        return [item async for item in found]
    if inspect.isgenerator(found):
        return list(found)
    if isinstance(found, PrefectFuture):
        return await asyncio.to_thread(found.result)
    if isinstance(found, PrefectFutureList):
        return await asyncio.to_thread(found.result)
    return await found.aresult() if isinstance(found, State) else found


def offered(kind: str, *, in_flow: bool) -> list[str]:
    """The ways there are for this kind of body, in a flow or outside of one."""
    left_out = (NO_STATE if "generator" in kind else set()) | (set() if in_flow else NEEDS_FLOW)
    return [way for way in WAYS if way not in left_out]


async def walk(kind: str, folder: Path, *, in_flow: bool) -> dict[str, tuple[Any, str]]:
    """For each way: what it ended with, a value or an error, and the marks that bodies left."""
    ended: dict[str, tuple[Any, str]] = {}
    for number, way in enumerate(offered(kind, in_flow=in_flow)):
        marks = folder / f"{number}"
        marks.touch()
        try:
            found = await settled(WAYS[way](make(kind), str(marks)))
        except Exception as error:
            found = error
        ended[way] = (found, marks.read_text())
    return ended


@functools.cache
def walked(kind: str, context: RunContext, folder: Path, in_flow: bool) -> dict[str, tuple[Any, str]]:
    with running(context):
        steps = functools.partial(walk, kind, folder, in_flow=in_flow)

        async def body() -> list[Any]:
            return [await steps()]

        return asyncio.run(flow(body, persist_result=False)())[0] if in_flow else asyncio.run(steps())


@pytest.fixture(scope="module")
def walks(
    prefect_server: str, context_under: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Walks every way for one kind of body under one verdict, once; tests then look at each."""
    contexts = {verdict: context_under(verdict) for verdict in ("allow", "deny")}
    folders = functools.cache(lambda *_: tmp_path_factory.mktemp("marks"))

    def look(kind: str, verdict: str, way: str, *, in_flow: bool) -> tuple[Any, str]:
        with temporary_settings({PREFECT_API_URL: prefect_server}):
            found = walked(kind, contexts[verdict], folders(kind, verdict, in_flow), in_flow)
        return found[way]

    return look


CASES = [
    pytest.param(kind, way, in_flow, id=f"{kind}, {way}, {'in a flow' if in_flow else 'alone'}")
    for kind in KINDS
    for in_flow in (True, False)
    for way in offered(kind, in_flow=in_flow)
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "way", "in_flow"), CASES)
def test_a_refused_body_never_runs(kind, way, in_flow, walks):
    """The refusal reaches the caller and the body leaves no mark."""
    ended, marks = walks(kind, "deny", way, in_flow=in_flow)

    assert marks == ""
    assert isinstance(ended, PolicyDenied)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "way", "in_flow"), CASES)
def test_an_allowed_body_runs_once(kind, way, in_flow, walks):
    """The same ways do run the body when it is allowed, but those that leave the guard out."""
    ended, marks = walks(kind, "allow", way, in_flow=in_flow)

    if way in REFUSED_ALWAYS:
        assert isinstance(ended, PolicyDenied)
        assert marks == ""
    else:
        assert not isinstance(ended, Exception), ended
        assert marks == "ran\n"


@pytest.mark.parametrize("kind", KINDS)
def test_the_raw_function_is_not_lying_around(kind):
    """Neither the task nor its function keeps the body where Python's tools look for it."""
    task = make(kind)

    assert not hasattr(task.fn, "__wrapped__")
    assert task.__wrapped__ is task.fn
    assert inspect.unwrap(task) is task.fn


def test_a_task_keeps_the_face_of_its_function():
    """Name, documentation, signature, source and kind are the body's."""

    @governed_task
    async def add(one: int, other: int = 2) -> int:
        """Adds."""
        return one + other

    assert (add.name, add.__doc__, add.isasync, add.isgenerator) == ("add", "Adds.", True, False)
    assert str(inspect.signature(add.fn)) == "(one: int, other: int = 2) -> int"
    assert "return one + other" in add.source_code
