"""Results by reference: the ledger keeps where a result lies and its digest, never the result.

A result is a JSON document in a file named by its own SHA-256, so writing it twice is harmless and a
changed one is noticed.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import anyio.to_thread

from blocks.errors import SomaError


class ResultLost(SomaError):
    """A recorded result is not where the ledger says, or is not what was recorded."""


class ResultStore:
    """JSON documents in a folder, addressed by content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "nodes"

    async def write(self, value: Any) -> dict[str, Any]:
        """Keep the value durably and return its reference `{sha256, size}`."""
        return await anyio.to_thread.run_sync(self._write, value)

    async def read(self, reference: dict[str, Any]) -> Any:
        """The value behind a reference, or `ResultLost`."""
        return await anyio.to_thread.run_sync(self.fetch, reference)

    def _write(self, value: Any) -> dict[str, Any]:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        content = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(content).hexdigest()
        target = self._path(digest)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{digest}.{os.getpid()}")
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        return {"sha256": digest, "size": len(content)}

    def fetch(self, reference: dict[str, Any]) -> Any:
        """As `read`, from a thread that may block."""
        path = self._path(str(reference["sha256"]))
        try:
            content = path.read_bytes()
        except OSError:
            raise ResultLost(f"the result {path} is missing; restore it from a backup") from None
        if hashlib.sha256(content).hexdigest() != reference["sha256"]:
            raise ResultLost(f"the result {path} is not what was recorded; restore it from a backup")
        return json.loads(content.decode("utf-8", "surrogatepass"))

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.json"
