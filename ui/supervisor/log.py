"""Where the output of a child goes: JSON lines in a rotated file, and readable lines on the terminal."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

MAX_BYTES = 10_000_000
KEPT_FILES = 5
LONGEST_LINE = 16_000
IMPORTANT = re.compile(r"\b(WARN(ING)?|ERROR|CRITICAL|FATAL|PANIC|Traceback)\b")
NOISE = re.compile(r"Memory overcommit must be|Could not load 'sarif'|EventsWorker - Still processing")
"""True and of no use to the reader; kept in the files alone."""
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan")


class ChildLog:
    """Writes the lines of one child."""

    def __init__(self, name: str, folder: Path, console: Console | None, *, quiet: bool) -> None:
        self.name = name
        self.path = folder / f"{name}.log"
        self.console = console
        self.quiet = quiet
        self.last: list[str] = []
        """The last few lines, to say why a child did not start."""
        self._file = self.path.open("a", encoding="utf-8")

    def write(self, line: str) -> None:
        """Keep one line of output."""
        clean = ANSI.sub("", line).rstrip()[:LONGEST_LINE]
        if not clean:
            return
        self.last = [*self.last[-11:], clean]
        self._rotate()
        self._file.write(json.dumps(self._record(clean), ensure_ascii=False) + "\n")
        self._file.flush()
        if self.console and not NOISE.search(clean) and (not self.quiet or IMPORTANT.search(clean)):
            self._show(clean)

    def close(self) -> None:
        self._file.close()

    def _record(self, line: str) -> dict[str, object]:
        record: dict[str, object] = {"at": datetime.now(UTC).isoformat(), "component": self.name}
        if line.startswith("{"):
            try:
                return {**record, **json.loads(line)}
            except ValueError:
                pass
        return {**record, "line": line}

    def _show(self, line: str) -> None:
        colour = COLOURS[sum(self.name.encode()) % len(COLOURS)]
        text = Text.assemble((f"{self.name:<11}", colour), line, overflow="fold")
        assert self.console is not None  # only called with one
        self.console.print(text, soft_wrap=True)

    def _rotate(self) -> None:
        if self._file.tell() < MAX_BYTES:
            return
        self._file.close()
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self.path.with_suffix(f".log.{number}")
            if older.exists():
                older.rename(self.path.with_suffix(f".log.{number + 1}"))
        self.path.rename(self.path.with_suffix(".log.1"))
        self._file = self.path.open("a", encoding="utf-8")
