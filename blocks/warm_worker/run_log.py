"""The log of one run on disk, between the run and Prefect: nothing that was written is lost when either dies.

The run appends what it logs, and the fork server what it reads from the run's standard output and error;
the worker sends it on and gives the space back. One JSON object a line, as Prefect's API takes log lines.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blocks.constitution.detectors.secrets import MASK, redact_text

SECRET_NAME = re.compile(r"(?i)passw|passphrase|pwd|secret|token|api_?key|access_?key|credential|auth_string")
SHORTEST_SECRET = 8
LONGEST_MESSAGE = 60_000
MOST_BYTES = 16 * 2**20
"""What a log holds while nobody takes it; beyond this, lines are dropped and counted."""
BLOCK = 512
"""The unit in which the system counts the space of a file."""


class RunLog:
    """Appends to the log of one run; several processes may, each through its own."""

    def __init__(self, path: Path, flow_run: str, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self.flow_run = flow_run
        self.secrets = sorted(set(secrets), key=len, reverse=True)
        self.dropped = 0
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def say(self, message: str, *, name: str, level: int = 20) -> None:
        """Append a line that was said now."""
        at = datetime.now(UTC).isoformat()
        self.append({"name": name, "level": level, "message": message, "timestamp": at})

    def append(self, record: Mapping[str, Any]) -> None:
        """Append a line that Prefect's logging has made, with secrets masked."""
        if os.fstat(self.file).st_blocks * BLOCK > MOST_BYTES:
            self.dropped += 1
            return
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            self.say(f"{dropped} lines were dropped here: they came too fast", name="soma.output", level=30)
        message = self.masked(str(record["message"])[:LONGEST_MESSAGE])
        whole = {"flow_run_id": self.flow_run, **record, "message": message}
        os.write(self.file, json.dumps(whole, default=str).encode() + b"\n")

    def masked(self, text: str) -> str:
        """The text without the secrets of the run's environment and without what looks like one."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return redact_text(text)

    def close(self) -> None:
        os.close(self.file)


def secret_values(environment: Mapping[str, str | None]) -> list[str]:
    """The values of the variables whose names say that they are secret."""
    return [
        value
        for name, value in environment.items()
        if value and len(value) >= SHORTEST_SECRET and SECRET_NAME.search(name)
    ]


def log_path(folder: Path, run: str) -> Path:
    """Where the log of a run lies."""
    return folder / f"{run}.jsonl"
