"""The MCP servers of this hub: their blocks, what they tell, and calling their tools."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from blocks.constitution.detectors.injection import has_injection_signs
from blocks.errors import Conflict, NotFound, Unavailable
from blocks.mcp.block import ToolServer
from blocks.mcp.over_http import posts
from blocks.mcp.over_stdio import lines
from blocks.mcp.pinning import Drift, drift, pins_of
from blocks.mcp.talking import Conversation, Message, ServerTool
from blocks.sandbox.order import Limits


async def server_named(name: str) -> ToolServer:
    """The block of this name, or `NotFound`."""
    try:
        return cast("ToolServer", await ToolServer.aload(name))
    except ValueError:
        raise NotFound(
            f"there is no MCP server {name!r}: make a Prefect block of the type SomaAgentHub Tool Server "
            "with this name, or `soma tools add`"
        ) from None
    except httpx.HTTPError as error:
        raise Unavailable(f"Prefect does not tell of the MCP server {name!r}: {error}") from None


async def save_server(name: str, server: ToolServer, *, overwrite: bool = True) -> None:
    """Keep the block; without `overwrite`, `Conflict` when there is one of this name."""
    try:
        await server.asave(name, overwrite=overwrite)
    except ValueError as error:
        raise Conflict(f"the MCP server {name!r} cannot be kept: {error}") from None
    except httpx.HTTPError as error:
        raise Unavailable(f"Prefect does not keep the MCP server {name!r}: {error}") from None


@asynccontextmanager
async def talking_to(name: str, server: ToolServer, workspace: Path | None) -> AsyncIterator[Conversation]:
    """A conversation with the server, which ends with the block."""
    if not server.enabled:
        raise Unavailable(f"the MCP server {name!r} is switched off")
    if server.url:
        headers = {key: value.get_secret_value() for key, value in server.headers.items()}
        carrying: Any = posts(name, server.url, headers=headers, seconds=server.seconds)
    else:
        carrying = lines(
            name,
            server.command,
            environment={key: value.get_secret_value() for key, value in server.environment.items()},
            readable=[Path(folder) for folder in server.folders],
            workspace=workspace if server.workspace else None,
            limits=Limits(seconds=server.seconds * 2 + 30, memory_mb=server.memory_mb),
        )
    async with carrying as carrier:
        conversation = Conversation(carrier, name, seconds=server.seconds)
        await conversation.begin()
        yield conversation


async def told_by(name: str, server: ToolServer, workspace: Path | None = None) -> list[ServerTool]:
    """What the server tells of its tools."""
    async with talking_to(name, server, workspace) as conversation:
        return await conversation.tools()


async def accepted(name: str, workspace: Path | None = None) -> list[ServerTool]:
    """The tools that were accepted and are as they were then; what is told at the first use is accepted.

    Raises `Conflict` when nothing has been accepted yet, and what is told speaks to an assistant.
    """
    server = await server_named(name)
    tools = await told_by(name, server, workspace)
    if not server.pins:
        refuse_orders(name, tools)
        await accept(name, server, tools)
    return [tool for tool in tools if pins_of([tool]).items() <= server.pins.items()]


async def accept(name: str, server: ToolServer, tools: Iterable[ServerTool]) -> Drift:
    """From here on the server is held to this; returns how it differs from before."""
    given = list(tools)
    before = drift(given, server.pins)
    server.pins = pins_of(given)
    await save_server(name, server)
    return before


def refuse_orders(name: str, tools: Iterable[ServerTool]) -> None:
    """`Conflict` when a description looks like orders to an assistant: a person looks at it first."""
    for tool in tools:
        if has_injection_signs({"description": tool.description, "schema": tool.schema}):
            raise Conflict(
                f"what the MCP server {name!r} tells of {tool.name!r} looks like orders to an assistant; "
                f"look at it with `soma tools check {name}`, and accept it with `soma tools accept {name}`"
            )


async def call(name: str, tool: str, arguments: Mapping[str, Any], workspace: Path | None) -> Message:
    """What the tool answers; `Conflict` when the server tells of it otherwise than when it was accepted."""
    server = await server_named(name)
    async with talking_to(name, server, workspace) as conversation:
        told = {found.name: found for found in await conversation.tools()}
        if tool not in told:
            raise NotFound(f"the MCP server {name!r} has no tool {tool!r}")
        hold_to(name, server, told[tool])
        return await conversation.call(tool, arguments)


def hold_to(name: str, server: ToolServer, tool: ServerTool) -> None:
    """`Conflict` unless the tool is as it was accepted."""
    if pins_of([tool]).items() <= server.pins.items():
        return
    what = "has changed what it tells of" if tool.name in server.pins else "has a new tool,"
    raise Conflict(
        f"the MCP server {name!r} {what} {tool.name!r} since it was accepted, so it is not called; "
        f"look with `soma tools check {name}`, accept with `soma tools accept {name}`"
    )
