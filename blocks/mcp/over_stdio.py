"""Speaking with an MCP server that is a program: it runs in the sandbox, a line is a message."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from blocks.errors import Unavailable
from blocks.mcp.talking import Message
from blocks.sandbox.order import Limits
from blocks.sandbox.running import Running, started

KEPT = 2_000
"""Characters of what it says on the side, for the error that tells of its end."""


class Lines:
    """Messages as lines of a program's standard input and output."""

    def __init__(self, running: Running, server: str) -> None:
        self._running = running
        self._server = server
        self._said = ""
        self._aside = asyncio.create_task(self._listen_aside())

    async def send(self, message: Message) -> None:
        assert self._running.process.stdin is not None
        try:
            self._running.process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._running.process.stdin.drain()
        except ConnectionError:
            raise await self._gone() from None

    async def ask(self, message: Message) -> AsyncGenerator[Message, None]:
        await self.send(message)
        assert self._running.process.stdout is not None
        while True:
            try:
                line = await self._running.process.stdout.readline()
            except ValueError:
                raise Unavailable(f"the MCP server {self._server!r} sends messages without end") from None
            if not line:
                raise await self._gone()
            yield self._message(line)

    def agreed(self, version: str) -> None:
        """Lines do not tell the version."""

    def close(self) -> None:
        self._aside.cancel()

    def _message(self, line: bytes) -> Message:
        try:
            found: Any = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(
                f"the MCP server {self._server!r} writes what is no message: {line[:200]!r}. "
                "A server's own log goes to its standard error"
            )
        return found

    async def _gone(self) -> Unavailable:
        report = await self._running.report()
        await asyncio.wait([self._aside], timeout=1)
        how = report.message or f"{report.ended} {report.code}"
        return Unavailable(f"the MCP server {self._server!r} has ended ({how}): {self._said.strip()[-500:]}")

    async def _listen_aside(self) -> None:
        assert self._running.process.stderr is not None
        while part := await self._running.process.stderr.read(4_096):
            self._said = (self._said + part.decode("utf-8", "replace"))[-KEPT:]


@asynccontextmanager
async def lines(
    server: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    readable: Sequence[Path],
    workspace: Path | None,
    limits: Limits,
) -> AsyncIterator[Lines]:
    """The server at work in the sandbox; it ends with the block."""
    async with started(
        command, workspace=workspace, environment=environment, readable=readable, limits=limits
    ) as running:
        carrier = Lines(running, server)
        try:
            yield carrier
        finally:
            carrier.close()
