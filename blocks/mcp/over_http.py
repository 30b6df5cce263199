"""Speaking with an MCP server over HTTP (the protocol's streamable HTTP)."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from blocks.errors import Unavailable
from blocks.mcp.talking import Message

LARGEST = 8_000_000
"""Bytes of one answer."""


class Posts:
    """Messages as requests to one address; an answer is one message, or a stream of them."""

    def __init__(self, client: httpx.AsyncClient, url: str, server: str) -> None:
        self._client = client
        self._url = url
        self._server = server
        self._headers: dict[str, str] = {}

    async def send(self, message: Message) -> None:
        async for _ in self.ask(message):
            return

    async def ask(self, message: Message) -> AsyncGenerator[Message, None]:
        headers = {"Accept": "application/json, text/event-stream", **self._headers}
        try:
            async with self._client.stream("POST", self._url, json=message, headers=headers) as response:
                await self._check(response)
                if session := response.headers.get("mcp-session-id"):
                    self._headers["Mcp-Session-Id"] = session
                kind = response.headers.get("content-type", "").partition(";")[0].strip()
                reading = self._events(response) if kind == "text/event-stream" else self._one(response)
                async for text in reading:
                    yield self._message(text)
        except httpx.HTTPError as error:
            told = str(error) or type(error).__name__
            raise Unavailable(f"the MCP server {self._server!r} does not answer: {told[:300]}") from None

    def agreed(self, version: str) -> None:
        self._headers["MCP-Protocol-Version"] = version

    async def close(self) -> None:
        """Tell the server that the conversation is over, if it keeps any."""
        if "Mcp-Session-Id" in self._headers:
            with suppress(httpx.HTTPError):
                await self._client.delete(self._url, headers=self._headers, timeout=2)

    async def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.is_redirect:
            raise Unavailable(f"the MCP server {self._server!r} redirects; give its own address")
        body = (await response.aread())[:300].decode("utf-8", "replace")
        if response.status_code in {401, 403}:
            raise Unavailable(
                f"the MCP server {self._server!r} does not let the hub in ({response.status_code}): "
                "check the headers in its block"
            )
        raise Unavailable(f"the MCP server {self._server!r} answers {response.status_code}: {body}")

    async def _one(self, response: httpx.Response) -> AsyncIterator[str]:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            self._bounded(len(body))
        if body.strip():
            yield body.decode("utf-8", "replace")

    async def _events(self, response: httpx.Response) -> AsyncIterator[str]:
        """The data of each event of the stream."""
        data: list[str] = []
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
                self._bounded(sum(map(len, data)))
            elif not line and data:
                if any(data):
                    yield "\n".join(data)
                data = []

    def _bounded(self, size: int) -> None:
        if size > LARGEST:
            raise Unavailable(f"the MCP server {self._server!r} answers without end")

    def _message(self, text: str) -> Message:
        try:
            found: Any = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(f"the MCP server {self._server!r} answers with what is no message")
        return found


@asynccontextmanager
async def posts(server: str, url: str, *, headers: Mapping[str, str], seconds: float) -> AsyncIterator[Posts]:
    """A carrier to the address; no redirect is followed, and no proxy of the environment is used."""
    async with httpx.AsyncClient(
        headers=dict(headers), timeout=seconds, follow_redirects=False, trust_env=False
    ) as client:
        carrier = Posts(client, url, server)
        try:
            yield carrier
        finally:
            await carrier.close()
