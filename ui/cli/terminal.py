"""What the commands share of the terminal: consoles, words for states, and text that cannot play tricks."""

import os
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

STYLES = {
    "planned": "dim",
    "waiting": "dim",
    "queued": "cyan",
    "running": "bold cyan",
    "awaiting_approval": "bold yellow",
    "pending": "bold yellow",
    "completed": "green",
    "approved": "green",
    "skipped": "dim yellow",
    "failed": "bold red",
    "denied": "bold red",
    "rejected": "red",
    "expired": "red",
    "sent_back": "yellow",
    "withdrawn": "dim",
    "sent": "green",
    "refused": "red",
    "needless": "dim",
    "given_up": "bold red",
    "cancelled": "red",
    "paused": "bold yellow",
    "cancelling": "yellow",
    "expanded": "cyan",
}
MARKS = {
    "waiting": "·",
    "queued": "○",
    "running": "●",
    "awaiting_approval": "?",
    "completed": "✓",
    "failed": "✗",
    "denied": "⊘",
    "skipped": "-",
    "cancelled": "✗",
    "expanded": "◌",
}


def console() -> Console:
    """Standard output; wide where nobody looks, so that programs find one thing on one line."""
    seen = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, soft_wrap=not seen, width=None if seen else 250)


def plain(text: object) -> str:
    """Text on one line without control characters: names of files and people come from strangers."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text)
    )


def columns(*whole: str) -> Table:
    """A table without lines: these columns are never cut, the one after them takes what room is left."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in whole:
        table.add_column(no_wrap=True, min_width=1)
    table.add_column(overflow="fold")
    return table


def cut(text: object, most: int) -> str:
    """The text on one line, at most so long."""
    shown = plain(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def word(state: str) -> Text:
    """A state as it is shown."""
    return Text(state.replace("_", " "), style=STYLES.get(state, ""))


def elapsed(start: datetime | None, end: datetime | None) -> str:
    """How long something took, or has taken so far."""
    if start is None:
        return ""
    return span((end or datetime.now(UTC)) - start)


def span(time: timedelta) -> str:
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 10:  # a tenth of a second matters only here
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def size(number: int) -> str:
    """A number of bytes for people."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:  # kilo
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
