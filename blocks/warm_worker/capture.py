"""Reads what a run writes to its standard output and error, its subprocesses' and native code's words too."""

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from blocks.warm_worker.run_log import RunLog

CHUNK = 65536
LONGEST_LINE = 16_000
MOST_BYTES = 8 * 2**20
"""How much of one run's output is kept."""
LINE_END = re.compile(rb"\r\n|\n|\r")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")
OUTPUT = "output"
"""The logger that Prefect shows beside these lines."""


class Capture:
    """The reading end of one run's output."""

    def __init__(self, pipe: int, log: RunLog, *, left: int = MOST_BYTES, rest: bytes = b"") -> None:
        self.pipe = pipe
        self.log = log
        self.left = left
        self._rest = rest
        os.set_blocking(pipe, False)

    def read(self) -> bool:
        """Keep what has come; False once nothing more can come."""
        try:
            data = os.read(self.pipe, CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        self._take(data)
        return bool(data)

    def finish(self) -> None:
        """Keep what is still in the pipe, and the line that was not ended."""
        with contextlib.suppress(OSError):
            while data := os.read(self.pipe, CHUNK):
                self._take(data)
        self._say(self._rest)
        os.close(self.pipe)
        self.log.close()

    def files(self) -> tuple[int, int]:
        """What is open for it."""
        return self.pipe, self.log.file

    def _take(self, data: bytes) -> None:
        if self.left < 0:
            return
        self.left -= len(data)
        *lines, self._rest = LINE_END.split(self._rest + data)
        for line in lines:
            self._say(line)
        if len(self._rest) > LONGEST_LINE:
            self._say(self._rest)
            self._rest = b""
        if self.left < 0:
            self._rest = b""
            self._say(b"[output of this run beyond %d MB is not kept]" % (MOST_BYTES // 2**20))

    def _say(self, line: bytes) -> None:
        text = ESCAPES.sub("", line[:LONGEST_LINE].decode(errors="replace")).rstrip()
        if text:
            self.log.say(text, name=OUTPUT)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on reading in a new interpreter of the same process."""
        return {
            "pipe": self.pipe,
            "path": str(self.log.path),
            "flow_run": self.log.flow_run,
            "secrets": self.log.secrets,
            "left": self.left,
            "rest": self._rest.decode("latin-1"),
        }

    @classmethod
    def go_on(cls, state: dict[str, Any]) -> "Capture":
        """Go on reading where the interpreter before this one stopped."""
        log = RunLog(Path(state["path"]), state["flow_run"], state["secrets"])
        os.set_inheritable(state["pipe"], False)  # noqa: FBT003
        return cls(state["pipe"], log, left=state["left"], rest=state["rest"].encode("latin-1"))
