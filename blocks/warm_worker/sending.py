"""Sends the logs of runs from disk on to Prefect, while they run and until all is sent."""

import asyncio
import contextlib
import ctypes
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from blocks.warm_worker.run_log import log_path

if TYPE_CHECKING:
    from blocks.warm_worker.worker import WarmWorker

EVERY_SECONDS = 0.5
BATCH_BYTES = 500_000
"""Prefect takes a million bytes at once, and JSON grows a little on its way."""
REFUSED = {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.UNPROCESSABLE_ENTITY}
KEEP_SIZE_AND_PUNCH = 3
PAGE = 4096


@dataclass(kw_only=True)
class Sent:
    """How far one log has been sent."""

    path: Path
    at: int = 0

    @property
    def note(self) -> Path:
        """Where that is written down, for the next worker."""
        return self.path.with_suffix(".sent")

    @classmethod
    def of(cls, path: Path) -> "Sent":
        found = cls(path=path)
        if found.note.exists():
            found.at = int(found.note.read_text() or 0)
        return found

    def batch(self) -> tuple[list[dict[str, Any]], int]:
        """The next lines, and how many bytes they are."""
        with self.path.open("rb") as file:
            file.seek(self.at)
            data = file.read(BATCH_BYTES)
        end = data.rfind(b"\n") + 1
        return [line for text in data[:end].splitlines() if (line := _parsed(text))], end

    def advance(self, count: int) -> None:
        """Note that so many bytes more were sent, and give their space back."""
        self.at += count
        self.note.write_text(str(self.at))
        with self.path.open("r+b") as file:
            _punch(file.fileno(), self.at - self.at % PAGE)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


class Sending:
    """The worker's side of the runs' logs."""

    def __init__(self, worker: "WarmWorker", folder: Path) -> None:
        self.worker = worker
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open: dict[str, Sent] = {path.stem: Sent.of(path) for path in folder.glob("*.jsonl")}
        self._over: set[str] = set()
        """Runs that have ended, whose logs are removed once all is sent."""
        self._news = asyncio.Event()

    def begin(self, run: str) -> Path:
        """Where the run is to log; it is sent from now on."""
        path = log_path(self.folder, run)
        self._over.discard(run)
        self._open.setdefault(run, Sent.of(path))
        return path

    def end(self, run: str) -> None:
        """The run has ended: send the rest of its log at once."""
        if run in self._open:
            self._over.add(run)
            self._news.set()

    def known(self) -> set[str]:
        """The runs whose logs are here."""
        return set(self._open) - self._over

    async def keep_sending(self) -> None:
        """Send what comes, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), EVERY_SECONDS)
            self._news.clear()
            for run in list(self._open):
                try:
                    await self._send(run)
                except OSError as error:
                    self.worker.warn(f"The log of flow run '{run}' could not be read: {error!r}")

    async def _send(self, run: str) -> None:
        sent = self._open[run]
        over = run in self._over
        while sent.path.exists():
            lines, count = sent.batch()
            if not count:
                break
            if not await self._told(lines):
                return
            sent.advance(count)
        if over:
            sent.remove()
            self._open.pop(run, None)
            self._over.discard(run)

    async def _told(self, lines: list[dict[str, Any]]) -> bool:
        """Whether Prefect has the lines, or will never take them."""
        try:
            await self.worker.client.create_logs(lines)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in REFUSED:
                return False
            self.worker.warn(f"Prefect does not take {len(lines)} log lines: {error!r}")
        except Exception as error:  # noqa: BLE001  # they stay on disk; the next try may do better
            self.worker.warn(f"Log lines could not be sent yet: {error!r}")
            await asyncio.sleep(EVERY_SECONDS)
            return False
        return True


def _parsed(text: bytes) -> dict[str, Any] | None:
    """The line; None for one that was cut off by the end of its writer."""
    try:
        line: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return line


@functools.cache
def _fallocate() -> Any:
    found = getattr(ctypes.CDLL(None), "fallocate", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return found


def _punch(file: int, count: int) -> None:
    """Give back the space of the first bytes; where the file system cannot, the log merely fills sooner."""
    if count and _fallocate() is not None:
        _fallocate()(file, KEEP_SIZE_AND_PUNCH, 0, count)
