"""`/health`, `/ready` and `/metrics` of a process that serves nothing else over HTTP.

A few lines instead of a web framework: it costs a worker no memory and no import, and answers GET alone.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

PATIENCE = 5.0
"""Seconds that a client may take to ask."""
LONGEST = 8192
"""Bytes of a request's head."""
logger = logging.getLogger("soma.watching")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that the process stands on, and what is wrong with it, if anything is."""

    name: str
    trouble: str | None = None


Page = Callable[[], Awaitable[Answer]]


def pages(registry: CollectorRegistry, parts: Callable[[], Awaitable[Sequence[Part]]]) -> dict[str, Page]:
    """The three pages of a process: its meters, and what it needs to do its work."""

    async def health() -> Answer:
        return Answer(body=b'{"status":"alive"}')

    async def ready() -> Answer:
        checks = [
            {"name": part.name, "ok": part.trouble is None, "detail": part.trouble} for part in await parts()
        ]
        fine = all(check["ok"] for check in checks)
        return Answer(
            status=HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE,
            body=json.dumps({"ready": fine, "checks": checks}).encode(),
        )

    async def metrics() -> Answer:
        return Answer(body=generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return {"/health": health, "/ready": ready, "/metrics": metrics}


@asynccontextmanager
async def serving(host: str, port: int, known: Mapping[str, Page]) -> AsyncIterator[None]:
    """Serve the pages for as long as the caller is inside; `OSError` when the port cannot be had."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_written(*await _answer(head, known)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, host, port, limit=LONGEST)
    try:
        yield
    finally:
        server.close()


async def _answer(head: bytes, known: Mapping[str, Page]) -> tuple[Answer, bool]:
    """The answer to a request with this head, and whether its body is wanted."""
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    if method not in {"GET", "HEAD"}:
        return _refused(HTTPStatus.METHOD_NOT_ALLOWED), True
    page = known.get(path)
    if page is None:
        return _refused(HTTPStatus.NOT_FOUND), method == "GET"
    try:
        return await page(), method == "GET"
    except Exception:
        logger.exception("%s could not be told", path)
        return _refused(HTTPStatus.INTERNAL_SERVER_ERROR), method == "GET"


def _refused(status: HTTPStatus) -> Answer:
    return Answer(status=status, body=json.dumps({"status": status, "title": status.phrase}).encode())


def _written(answer: Answer, with_body: bool) -> bytes:  # noqa: FBT001  # private: a head with or without body
    lines = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.media_type}",
        f"Content-Length: {len(answer.body)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (answer.body if with_body else b"")
