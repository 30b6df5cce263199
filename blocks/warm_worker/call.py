"""Runs one function in a process forked from the fork server, for things that are to start at once."""

import asyncio
import contextlib
import secrets
from pathlib import Path

from blocks.errors import Unavailable
from blocks.warm_worker.wire import Lines, encode


async def call(socket: Path, function: str, *arguments: str) -> int:
    """Run `function` ("module:name") with text arguments in a warm process; returns its exit status."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        raise Unavailable(f"no fork server listens on {socket}") from None
    run = f"call-{secrets.token_hex(8)}"
    try:
        writer.write(encode({"do": "start", "run": run, "call": function, "arguments": arguments}))
        lines = Lines()
        while data := await reader.read(65536):
            for message in lines.feed(data):
                if message["is"] == "ended" and message["run"] == run:
                    writer.write(encode({"do": "forget", "run": run}))
                    with contextlib.suppress(OSError):
                        await writer.drain()
                    return int(message["status"])
    finally:
        writer.close()
    raise Unavailable(f"the fork server ended while it ran {function}")
