"""What an agent is offered: the tools of its manifest that its node was planned with, and its memory."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from blocks.constitution.globs import like
from blocks.context import current
from blocks.memory.items import Draft
from blocks.plain import plain
from blocks.toolbox.described import Described, takes
from capsules.manifest import Manifest
from tasks.memory import recall, remember
from tasks.tools.registry import tools_for

LONGEST_NAME = 64
"""Characters that providers take as a tool's name; they take letters, digits, `_` and `-`."""
MEMORY = {
    "memory.recall": "Recall what was remembered: the memories that answer the query best.",
    "memory.remember": "Remember one finding for later, in plain words that stand by themselves.",
}
_STRANGE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, kw_only=True)
class Offered:
    """One tool as an agent sees it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    check: Callable[[Any], dict[str, Any]]
    """The arguments if they fit, else `BadInput`."""
    task: Any
    """The governed task behind it, which knows how its calls are counted and its results labelled."""
    call: Callable[..., Awaitable[Any]]
    arguments: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """From the model's arguments to those of the task."""

    @property
    def wire_name(self) -> str:
        """Its name as models are told it."""
        return _STRANGE.sub("-", self.name.replace(".", "__"))[:LONGEST_NAME]


async def tools_of(manifest: Manifest) -> list[Offered]:
    """What the agent may call; `NotFound` names a tool of its manifest that there is not."""
    planned = _planned(manifest)
    found = [
        Offered(
            name=tool.name,
            description=_with_limits(tool.description, tool.name, planned),
            parameters=tool.parameters,
            check=tool.check,
            task=tool.call,
            call=tool.call,
        )
        for tool in await tools_for(planned)
    ]
    return [*found, *_memory_tools(_scopes(manifest))]


def _planned(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """The manifest's tools, as far as the node was planned with them, and the limits of their arguments."""
    context = current()
    authority = context.authority if context else None
    if authority is None:
        return dict(manifest.tools)
    return {
        name: {**limits, **authority.tools.get(name, {})}
        for name, limits in manifest.tools.items()
        if any(like(name, given) for given in authority.tools)
    }


def _scopes(manifest: Manifest) -> list[str]:
    context = current()
    authority = context.authority if context else None
    return [scope for scope in manifest.memory if authority is None or scope in authority.memory]


def _with_limits(description: str, name: str, planned: Mapping[str, Mapping[str, Any]]) -> str:
    """The description, and what is refused of the arguments however often it is tried."""
    found = [limits for given, limits in planned.items() if limits and like(name, given)]
    if not found:
        return description
    told = "; ".join(f"{key}: {json.dumps(limit)}" for limits in found for key, limit in limits.items())
    return f"{description} You may use it only within these limits of its arguments: {told}."


def _memory_tools(scopes: list[str]) -> list[Offered]:
    if not scopes:
        return []
    scope = {"type": "string", "enum": scopes, "description": "Whose memory."}
    subject = {"type": "string", "maxLength": 500, "description": "Which one, such as a repository's name."}
    query = {"type": "string", "minLength": 1, "maxLength": 2_000}
    text = {"type": "string", "minLength": 1, "maxLength": 20_000}
    limit = {"type": "integer", "minimum": 1, "maximum": 50, "default": 10}
    whose: dict[str, Mapping[str, Any]] = {"scope": scope, "subject": subject}
    return [
        _memory_tool("memory.recall", recall, _recalled, query=query, **whose, limit=limit),
        _memory_tool("memory.remember", remember, _remembered, text=text, **whose),
    ]


def _memory_tool(
    name: str, task: Any, call: Callable[..., Awaitable[Any]], **properties: Mapping[str, Any]
) -> Offered:
    first = next(iter(properties))
    described = Described(name=name, description=MEMORY[name], parameters=takes(first, "scope", **properties))
    return Offered(
        name=name,
        description=described.description,
        parameters=described.parameters,
        check=described.check,
        task=task,
        call=call,
        arguments=_drafted if name == "memory.remember" else dict,
    )


def _drafted(given: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in given.items() if name != "text"}
    return {**rest, "items": [Draft(text=given["text"])]}


async def _recalled(**given: Any) -> Any:
    return [{"text": hit.item.text, "data": plain(hit.item.data)} for hit in await recall(**given)]


async def _remembered(**given: Any) -> Any:
    return await remember(**given)
