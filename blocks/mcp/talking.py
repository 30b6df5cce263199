"""Speaking the Model Context Protocol as a client: JSON-RPC 2.0 over whatever carries messages.

Only what a caller of tools needs is spoken. What a server asks of its client (to sample a model, to ask the
user, to list folders) is answered with an error: a server is given nothing but the arguments of a call.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from blocks.errors import BadInput, Unavailable

VERSION = "2025-11-25"
"""The newest protocol that begins with a handshake; a server may choose an older one of `SPOKEN`."""
SPOKEN = frozenset({"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"})
MOST_TOOLS = 500
NOT_HERE = -32601
NAME = "soma-agent-hub"

Message = dict[str, Any]


class Carrier(Protocol):
    """What carries messages to a server and back."""

    async def send(self, message: Message) -> None:
        """Hand a message over that nobody answers."""

    def ask(self, message: Message) -> AsyncGenerator[Message, None]:
        """Hand a request over; everything that comes back until somebody stops listening."""

    def agreed(self, version: str) -> None:
        """The handshake chose this version."""


@dataclass(frozen=True, kw_only=True)
class ServerTool:
    """A tool as its server tells of it: words of strangers."""

    name: str
    description: str
    schema: Mapping[str, Any]


class Conversation:
    """One conversation with a server, from the handshake on."""

    def __init__(self, carrier: Carrier, server: str, *, seconds: float = 60) -> None:
        self._carrier = carrier
        self._server = server
        self._seconds = seconds
        self._last = 0

    async def begin(self) -> None:
        """The handshake; `Unavailable` for a server that speaks no protocol that is spoken here."""
        given = {
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": {"name": NAME, "version": "1"},
        }
        answer = await self.request("initialize", given)
        version = answer.get("protocolVersion")
        if version not in SPOKEN:
            raise Unavailable(f"the MCP server {self._server!r} speaks {version!r}, which the hub does not")
        self._carrier.agreed(str(version))
        await self._carrier.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def tools(self) -> list[ServerTool]:
        """All of its tools."""
        found: list[ServerTool] = []
        cursor: Any = None
        while len(found) < MOST_TOOLS:
            answer = await self.request("tools/list", {"cursor": cursor} if cursor else {})
            listed = answer.get("tools")
            found += map(self._tool, listed if isinstance(listed, list) else [])
            cursor = answer.get("nextCursor")
            if not cursor:
                return found
        raise Unavailable(f"the MCP server {self._server!r} has more than {MOST_TOOLS} tools")

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Message:
        """What the tool answers, as the protocol has it."""
        return await self.request("tools/call", {"name": tool, "arguments": dict(arguments)})

    async def request(self, method: str, given: Mapping[str, Any]) -> Message:
        """The result of a request; `BadInput` when the server says that it was wrong."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._answer(method, given)
        except TimeoutError:
            raise Unavailable(
                f"the MCP server {self._server!r} took longer than {self._seconds:g} s for {method}"
            ) from None

    async def _answer(self, method: str, given: Mapping[str, Any]) -> Message:
        self._last += 1
        asked: Message = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": dict(given)}
        answers = self._carrier.ask(asked)
        try:
            async for message in answers:
                if "method" in message:
                    await self._refuse(message)
                elif message.get("id") == self._last:
                    return self._result(message, method)
        finally:
            await answers.aclose()
        raise Unavailable(f"the MCP server {self._server!r} ended without an answer to {method}")

    async def _refuse(self, message: Message) -> None:
        if "id" not in message:  # a notification
            return
        if message["method"] == "ping":
            await self._carrier.send({"jsonrpc": "2.0", "id": message["id"], "result": {}})
            return
        error = {"code": NOT_HERE, "message": "the hub gives a server nothing but the arguments of a call"}
        await self._carrier.send({"jsonrpc": "2.0", "id": message["id"], "error": error})

    def _result(self, message: Message, method: str) -> Message:
        error = message.get("error")
        if error:
            told = error.get("message") if isinstance(error, dict) else error
            raise BadInput(f"the MCP server {self._server!r} refuses {method}: {str(told)[:500]}")
        result = message.get("result")
        if not isinstance(result, dict):
            raise Unavailable(f"the MCP server {self._server!r} answers {method} with no result")
        return result

    def _tool(self, told: Any) -> ServerTool:
        schema = told.get("inputSchema") if isinstance(told, dict) else None
        if not isinstance(schema, dict) or not isinstance(told.get("name"), str):
            raise Unavailable(f"the MCP server {self._server!r} lists a tool without a name or a schema")
        return ServerTool(name=told["name"], description=str(told.get("description") or ""), schema=schema)
