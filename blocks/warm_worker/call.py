"""Runs one function in a process forked from the fork server, for things that are to start at once."""

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any

from blocks.errors import Unavailable
from blocks.warm_worker.wire import Lines, encode

ATTEMPTS = 5


async def call(socket: Path, function: str, *arguments: str) -> int:
    """Run `function` ("module:name") with text arguments in a warm process; returns its exit status.

    It may run again when the fork server renews itself in between, so it must be harmless to repeat.
    """
    run = f"call-{secrets.token_hex(8)}"
    request = {"do": "start", "run": run, "call": function, "arguments": arguments}
    for attempt in range(ATTEMPTS):
        with contextlib.suppress(ConnectionError):
            status = await _attempt(socket, request)
            if status is not None:
                return status
        await asyncio.sleep(0.2 * attempt)
    raise Unavailable(f"the fork server on {socket} ended while it ran {function}")


async def _attempt(socket: Path, request: dict[str, Any]) -> int | None:
    """The exit status, or None when the fork server went away."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except FileNotFoundError:
        raise Unavailable(f"no fork server listens on {socket}") from None
    try:
        writer.write(encode(request))
        lines = Lines()
        while data := await reader.read(65536):
            for message in lines.feed(data):
                if message["is"] == "ended" and message["run"] == request["run"]:
                    writer.write(encode({"do": "forget", "run": request["run"]}))
                    return int(message["status"])
    finally:
        writer.close()
    return None
