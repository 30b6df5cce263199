"""The worker's side of the fork server: asks for runs, hears of their end, survives its renewal."""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_PEERCRED, SOL_SOCKET
from typing import Any

from blocks.errors import Unavailable
from blocks.warm_worker.processes import is_alive
from blocks.warm_worker.wire import Lines, encode

RETRY_SECONDS = 0.2
START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the process of a run ended."""

    status: int
    reason: str | None = None
    """Why it was killed, where that is known."""


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """What a fork server holds at one moment."""

    held: dict[str, int] = field(default_factory=dict)
    """Run id -> process id."""
    ended: dict[str, Ended] = field(default_factory=dict)
    """The runs whose end nobody has taken note of."""


KILLED_WITH_SERVER = Ended(
    status=-9, reason="the fork server that this run was forked from was killed, and the run with it"
)


class ForkClient:
    """A connection to the fork server that is opened again whenever it breaks."""

    def __init__(self, socket: Path, on_ended: Callable[[str, Ended], None]) -> None:
        self.socket = socket
        self.on_ended = on_ended
        self.on_connected: Callable[[], Awaitable[None]] | None = None
        self.on_killed: Callable[[Ended], None] | None = None
        """Told when the fork server's process is gone, and its runs with it."""
        self._writer: asyncio.StreamWriter | None = None
        self._server = 0
        """The process of the fork server that was last connected to."""
        self._connected = asyncio.Event()
        self._starting: dict[str, tuple[dict[str, Any], asyncio.Future[int]]] = {}
        self._listing: list[asyncio.Future[Holdings]] = []

    @property
    def server(self) -> int | None:
        """The fork server's process, while there is a connection to it."""
        return self._server if self._connected.is_set() and self._server else None

    async def keep_connected(self) -> None:
        """Stay connected until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                await self._converse()
            self._connected.clear()
            self._writer = None
            for future in self._listing:
                future.cancel()
            self._listing.clear()
            await asyncio.sleep(RETRY_SECONDS)
            if self.on_killed and self._server and not is_alive(self._server):
                self._server = 0
                self.on_killed(KILLED_WITH_SERVER)

    async def start(self, run: str, message: dict[str, Any]) -> int:
        """Fork a process for `run` and return its id; waits while the fork server renews itself."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        whole = {"do": "start", "run": run, **message}
        self._starting[run] = (whole, future)
        self._send(whole)
        try:
            return await asyncio.wait_for(future, START_SECONDS)
        except TimeoutError:
            raise Unavailable(f"the fork server at {self.socket} did not start the run") from None
        finally:
            self._starting.pop(run, None)

    async def list(self) -> Holdings:
        """What the fork server holds now."""
        await asyncio.wait_for(self._connected.wait(), START_SECONDS)
        future: asyncio.Future[Holdings] = asyncio.get_running_loop().create_future()
        self._listing.append(future)
        self._send({"do": "list"})
        return await asyncio.wait_for(future, START_SECONDS)

    def stop(self, run: str) -> None:
        """Ask the run's process to end as cancelled; it is killed when its grace is over."""
        self._send({"do": "stop", "run": run})

    def forget(self, run: str) -> None:
        """Tell the fork server that the end of `run` has been taken note of."""
        self._send({"do": "forget", "run": run})

    def _send(self, message: dict[str, Any]) -> None:
        if self._writer and not self._writer.is_closing():
            self._writer.write(encode(message))

    async def _converse(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        self._writer = writer
        self._connected.set()
        self._server = _process_behind(writer)
        try:
            for whole, _ in list(self._starting.values()):
                self._send(whole)
            if self.on_connected:
                await self.on_connected()
            lines = Lines()
            while data := await reader.read(65536):
                for message in lines.feed(data):
                    self._hear(message)
        finally:
            writer.close()

    def _hear(self, message: dict[str, Any]) -> None:
        match message["is"]:
            case "started":
                _, future = self._starting.get(message["run"], (None, None))
                if future and not future.done():
                    future.set_result(message["pid"])
            case "held":
                ended = {run: Ended(status=end[0], reason=end[1]) for run, end in message["ended"].items()}
                holdings = Holdings(held=message["held"], ended=ended)
                if self._listing and not (waiting := self._listing.pop(0)).done():
                    waiting.set_result(holdings)
            case "ended":
                self.on_ended(message["run"], Ended(status=message["status"], reason=message["reason"]))


def _process_behind(writer: asyncio.StreamWriter) -> int:
    """The process that listens at the other end; it keeps its id when the fork server renews itself."""
    peer = writer.get_extra_info("socket").getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize("3i"))
    process, _, _ = struct.unpack("3i", peer)
    return int(process)
