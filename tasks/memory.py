"""Remembering and recalling as governed tasks, through the gateway that owns the memory.

A scope is a word of the node's authority (`project`, `repository`, `tenant`); the subject says which
project or repository. The scope `project` always means the run's own project.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from blocks.context import current
from blocks.errors import BadInput, Forbidden, NotFound, Unavailable
from blocks.memory.block import Memory, local_memory, memory_of
from blocks.memory.checks import as_json
from blocks.memory.items import DATA_LIMIT, Draft, Hit, Selection, Source, namespace
from blocks.plain import digest
from blocks.settings import load_settings
from tasks.governed import governed_task


def _facts(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the constitution sees of a call: the scope, and as much of the words and labels as there is."""
    items: Sequence[Draft] = arguments.get("items") or ()
    labels = {label for item in items for label in item.labels} | set(arguments.get("labels") or ())
    text = "\n".join(item.text for item in items) or str(arguments.get("value", ""))
    return {
        "memory": {
            "scope": arguments["scope"],
            "text": text,
            "query": arguments.get("query", arguments.get("key", "")),
            "size": len(text.encode("utf-8", "replace")),
            "labels": dict.fromkeys(sorted(labels), True),
        }
    }


def _hits_apart(arguments: Mapping[str, Any], hits: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Each memory with the label that says whose it is, and those it had when it was kept."""
    del arguments
    context = current()
    for hit in hits:
        source = hit.item.source
        own = context is not None and context.project is not None and source.project == context.project
        yield (hit.item.text, hit.item.data), ("memory" if own else "other_memory", *source.labels)


def _may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether another try may help: only when something did not answer."""
    del task, run
    found = state.data if isinstance(state.data, Exception) else getattr(state.data, "result", None)
    return isinstance(found, Unavailable)


_OPTIONS: dict[str, Any] = {
    "facts": _facts,
    # What is remembered changes: yesterday's answer to the same question is no answer.
    "cache_policy": NO_CACHE,
    "retries": 3,
    "retry_delay_seconds": [0.5, 2, 5],
    "retry_condition_fn": _may_pass,
}


@governed_task(stage="memory.write", **_OPTIONS)
async def remember(items: Sequence[Draft], scope: str, subject: str = "") -> list[str]:
    """Keep these memories durably and return their ids; the same memory twice in one scope is one."""
    place = _place(scope, subject)
    return await _memory().remember([_own(item) for item in items], scope=place)


@governed_task(stage="memory.read", labels=_hits_apart, **_OPTIONS)
async def recall(
    query: str, scope: str, subject: str = "", limit: int = 10, labels: Sequence[str] = ()
) -> list[Hit]:
    """The memories of the scope that answer the query best."""
    return await _memory().recall(query, scopes=[_place(scope, subject)], labels=labels, limit=limit)


@governed_task(stage="memory.write", **_OPTIONS)
async def forget(scope: str, subject: str = "", labels: Sequence[str] = (), ids: Sequence[str] = ()) -> int:
    """Remove the memories of the scope that have all these labels and, if ids are given, one of them."""
    place = _place(scope, subject)
    selection = Selection(scopes=(place,), labels=tuple(labels), ids=tuple(ids) or None)
    return await _memory().forget(selection)


@governed_task(stage="memory.read", **_OPTIONS)
async def get_value(key: str, scope: str, subject: str = "") -> Any:  # any JSON value
    """The value under this key, or `NotFound`."""
    memory, place = _memory(), _place(scope, subject)
    value = await memory.get(key, scope=place)
    _take(value, scope, await _labels_under(memory, key, place))
    return value


@governed_task(stage="memory.write", **_OPTIONS)
async def set_value(
    key: str,
    value: Any,  # any JSON value
    scope: str,
    subject: str = "",
    seconds: float | None = None,
) -> None:
    """Keep a JSON value under this key, for good or for so many seconds."""
    memory, place = _memory(), _place(scope, subject)
    # The labels first: should the value not follow, there is one label too many and never one too few.
    await memory.set(_beside(key), _origins({"value": value}), scope=place, seconds=seconds)
    await memory.set(key, value, scope=place, seconds=seconds)


def _memory() -> Memory:
    """The hub's memory: with the token of this attempt, or outside of a plan with the hub's own."""
    context = current()
    if context is None or context.passport is None:
        return local_memory(load_settings())
    return memory_of(load_settings(), context.passport.token())


def _place(scope: str, subject: str) -> str:
    context = current()
    own = context.project if context else None
    if scope != "project":
        if scope == "tenant" or subject:
            return namespace(scope, subject)
        raise BadInput(f"the scope {scope!r} needs a subject", mend="say which one")
    if own and subject not in {"", own}:
        raise Forbidden(f"the memory of the project {subject!r} is not this project's")
    if not (own or subject):
        raise BadInput("the scope 'project' has no meaning outside of a project")
    return namespace(scope, own or subject)


def _origins(data: Mapping[str, Any]) -> list[str]:
    """The labels that are kept with data: those of its values, and of all that was seen if any is unknown."""
    context = current()
    if context is None:
        return []
    found = {label for labels in context.trail.labels_of(data).values() for label in labels}
    if "unknown" in found:
        found |= context.trail.seen
    return sorted(found - {"request", "field"})


def _beside(key: str) -> str:
    """The key under which the labels of a value are kept."""
    return f"labels-of:{digest(key)}"


async def _labels_under(memory: Memory, key: str, place: str) -> list[str]:
    try:
        found = await memory.get(_beside(key), scope=place)
    except NotFound:  # it was kept over HTTP
        return []
    return [str(label) for label in found] if isinstance(found, list) else []


def _take(value: Any, scope: str, labels: Sequence[str]) -> None:
    """Take a value in: the project's own in the scope `project`, else anybody's."""
    context = current()
    if context is not None:
        context.trail.take(value, ("memory" if scope == "project" else "other_memory", *labels), "get_value")


def _own(item: Draft) -> Draft:
    """The draft with the run as its source, and with a key that is the same when the task runs again."""
    context = current()
    data = as_json(item.data, "the data of a memory", DATA_LIMIT)
    key = item.key or digest([item.text, data, sorted(item.labels)])
    if context is None:
        return replace(item, key=key)
    source = Source(
        project=context.project,
        node=context.node,
        capsule=context.capsule,
        labels=tuple(_origins({"text": item.text, "data": item.data})),
    )
    return replace(item, key=key, source=source)
