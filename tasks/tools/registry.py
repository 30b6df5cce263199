"""The tools by the names that manifests and models use.

`await tool_named("files.read")` is one tool; `await tools_for(["files.*", "python.run"])` are all that fit.
A tool's `call` is a governed task that takes its arguments by name: it raises `PolicyDenied` and
`ApprovalNeeded` as every governed task does; `BadInput`, `NotFound` and `Conflict` say to whoever called it
what to do otherwise; `Unavailable` says that something it needs is not there.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from blocks.constitution.closeness import closest
from blocks.constitution.globs import like
from blocks.errors import NotFound
from blocks.toolbox.builtin import BUILTIN
from blocks.toolbox.described import Described
from tasks.tools.context import CONTEXT
from tasks.tools.files import FILES
from tasks.tools.git import GIT
from tasks.tools.mcp import PREFIX, ServerCall, names_in
from tasks.tools.mcp import described as described_by
from tasks.tools.sandboxed import PROGRAMS
from tasks.tools.web import WEB

Call = Callable[..., Awaitable[Any]]

CALLS: Mapping[str, Call] = {**FILES, **PROGRAMS, **GIT, **WEB, **CONTEXT}
"""The governed tasks of the tools that come with the hub."""


@dataclass(frozen=True, kw_only=True)
class Tool(Described):
    """A tool with the governed task that runs it; check the arguments of a model with `check` first."""

    call: Call


async def tool_named(name: str) -> Tool:
    """The tool of this name, or `NotFound`; a tool of an MCP server is asked for there."""
    if name.startswith(PREFIX):
        server, _ = names_in(name)
        return _one(await _of_server(server), name)
    if name in CALLS:
        return _with_call(BUILTIN[name], CALLS[name])
    raise NotFound(f"there is no tool {name!r}{closest(name, CALLS)}", mend="`soma tools list` shows them")


async def tools_for(names: Iterable[str]) -> list[Tool]:
    """The tools that these names and globs (`files.*`, `mcp.wiki.*`) mean, each once.

    `NotFound` for a name that no tool has; a server is asked once for all of its tools.
    """
    found: dict[str, Tool] = {}
    servers: dict[str, list[Tool]] = {}
    for name in names:
        if name.startswith(PREFIX):
            server, tool = names_in(name)
            if server not in servers:
                servers[server] = await _of_server(server)
            fitting = [known for known in servers[server] if like(known.name, name)]
            chosen = fitting if "*" in tool else [_one(servers[server], name)]
        else:
            known = [other for other in CALLS if like(other, name)] or [name]
            chosen = [await tool_named(other) for other in known]
        found |= {tool.name: tool for tool in chosen if tool.name not in found}
    return list(found.values())


async def _of_server(server: str) -> list[Tool]:
    return [_with_call(described, ServerCall(described.name)) for described in await described_by(server)]


def _one(tools: Iterable[Tool], name: str) -> Tool:
    for tool in tools:
        if tool.name == name:
            return tool
    server, _ = names_in(name)
    raise NotFound(
        f"the MCP server {server!r} has no accepted tool {name!r}",
        mend=f"`soma tools check {server}` shows what it tells",
    )


def _with_call(described: Described, call: Call) -> Tool:
    given = {field.name: getattr(described, field.name) for field in fields(described)}
    return Tool(**given, call=call)
