"""Speaking to the other steps of the project, and hearing them, as governed tasks over the context bus.

A node takes part when it was planned with the memory of the project (`memory: [project]` in its manifest).
Who speaks is the run's own context: a body cannot choose it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from blocks.bus.block import ContextBus, local_bus
from blocks.bus.messages import Draft, Kind, Message, Sender
from blocks.context import RunContext, current
from blocks.errors import Forbidden, SomaError, StaleAttempt, Unavailable
from blocks.records.database import Database
from blocks.records.messages import note_message
from blocks.records.text import storable
from blocks.settings import load_settings
from tasks.governed import governed_task

logger = logging.getLogger(__name__)
SCOPE = "project"
SHOWN = 1_000
"""Characters of a message's text in the project's feed; the bus has the whole."""
_OF_ITSELF = frozenset({"request", "field"})


def _spoken(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = {name: arguments[name] for name in ("text", "data")}
    return {"message": {"topic": arguments["kind"], "payload": payload}}


def _asked(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    query = f"messages after {arguments['after']}" if arguments["after"] else "messages"
    return {"memory": {"scope": SCOPE, "text": "", "query": query, "size": 0, "labels": {}}}


def _words(
    arguments: Mapping[str, Any], messages: Sequence[Message]
) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """What was said, with the labels of what its sender had taken in: what others say gives no orders."""
    del arguments
    for message in messages:
        yield (message.text, message.data), ("agent_message", "text", *message.labels)


def _may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether another try may help: only when something did not answer."""
    del task, run
    found = state.data if isinstance(state.data, Exception) else getattr(state.data, "result", None)
    return isinstance(found, Unavailable)


_OPTIONS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 3,
    "retry_delay_seconds": [0.5, 2, 5],
    "retry_condition_fn": _may_pass,
}


@governed_task(stage="bus.publish", action="context.publish", facts=_spoken, **_OPTIONS)
async def tell_project(
    text: str,
    kind: Kind = "finding",
    data: Any = None,  # any JSON value
    answers: str | None = None,
    idempotency_key: str | None = None,
) -> str:
    """Say this to the other steps of the project and return the message's id; said again, it is the same."""
    context, settings = _place(), load_settings()
    draft = Draft(kind=kind, text=text, data=data, answers=answers)
    sender = _sender(context)
    labels = sorted(context.trail.seen - _OF_ITSELF)
    key = str(idempotency_key)
    place = await _bus().publish(context.tenant, str(context.project), draft, sender, labels=labels, key=key)
    told = {"message": place, "kind": kind, "text": storable(text, SHOWN), "from": sender.name}
    told |= {"answers": answers} if answers else {}
    database = Database(settings.database_address, pool_size=1)
    try:
        await note_message(database, str(context.project), sender.node, told)
    finally:
        await database.close()
    return place


@governed_task(stage="memory.read", action="context.read", facts=_asked, labels=_words, **_OPTIONS)
async def read_messages(after: str = "", limit: int = 200, wait: float = 0.0) -> list[Message]:
    """What the steps of the project have said since the message `after`, from the first one on unless given.

    With `wait`, the first message is waited for so many seconds (30 at most) when there is none yet.
    """
    context = _place()
    return await _bus().read(context.tenant, str(context.project), after=after, limit=limit, wait=wait)


async def mention(text: str, kind: Kind = "finding", data: Any = None) -> str:
    """Say something that the project can do without; the id, or the empty text when it cannot be said.

    A refusal and a bus that is away are left in audit and log, and stop nothing; a run that belongs
    to no project has nobody to say it to.
    """
    context = current()
    if context is None or context.project is None:
        return ""
    try:
        return await tell_project(text, kind, data)
    except StaleAttempt:
        raise
    except SomaError as error:
        logger.warning("a message to the project was not published: %s", error.message)
        return ""


def _bus() -> ContextBus:
    return local_bus(load_settings())


def _place() -> RunContext:
    context = current()
    if context is None or context.project is None or context.node is None:
        raise Forbidden("only a step of a project speaks on its bus: there is no project here")
    return context


def _sender(context: RunContext) -> Sender:
    return Sender(
        name=context.principal.name,
        node=str(context.node),
        capsule=context.capsule or "",
        generation=context.generation,
        token=context.token or 0,
    )
