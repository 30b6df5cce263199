"""The tools by which an agent speaks to the other steps of its project: decided as tools and as messages."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prefect.cache_policies import NO_CACHE

from blocks.bus.messages import Kind
from tasks.governed import governed_task
from tasks.messages import read_messages, tell_project

OPTIONS: dict[str, Any] = {"stage": "tool.call", "cache_policy": NO_CACHE, "persist_result": False}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A message that is on the bus."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message as an agent reads it."""

    id: str
    step: str
    """The step of the plan that said it."""
    kind: str
    text: str
    answers: str | None
    labels: tuple[str, ...]
    """Where its words come from."""


def _words(arguments: Mapping[str, Any], heard: list[Heard]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    del arguments
    for message in heard:
        yield message.text, ("tool_output", "agent_message", "text", *message.labels)


@governed_task(action="context.tell", **OPTIONS)
async def tell(text: str, kind: Kind = "finding", answers: str | None = None) -> Told:
    """Say something to the other steps of the project."""
    return Told(id=await tell_project(text, kind, answers=answers or None))


@governed_task(action="context.read", labels=_words, **OPTIONS)
async def read(after: str = "", limit: int = 50, wait: int = 0) -> list[Heard]:
    """What the steps of the project have said."""
    return [
        Heard(
            id=message.id,
            step=message.sender.node,
            kind=message.kind,
            text=message.text,
            answers=message.answers,
            labels=message.labels,
        )
        for message in await read_messages(after, limit, wait)
    ]


CONTEXT: Mapping[str, Callable[..., Awaitable[Any]]] = {"context.tell": tell, "context.read": read}
"""By the names that manifests use."""
