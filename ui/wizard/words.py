"""Text as the pages show it: none of it may draw, load or link anything, whoever wrote it."""

import html
import re
from datetime import UTC, datetime, timedelta

from ui.cli.terminal import plain, span

MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&\"'])")
CHIPS = {
    "planned": "quiet",
    "waiting": "quiet",
    "queued": "active",
    "running": "active",
    "expanded": "active",
    "awaiting_approval": "asks",
    "paused": "asks",
    "cancelling": "asks",
    "pending": "asks",
    "sent_back": "asks",
    "completed": "good",
    "approved": "good",
    "allow": "good",
    "warn": "asks",
    "redact": "asks",
    "approve": "asks",
    "depends": "quiet",
    "skipped": "quiet",
    "withdrawn": "quiet",
    "failed": "bad",
    "denied": "bad",
    "deny": "bad",
    "rejected": "bad",
    "expired": "bad",
    "cancelled": "bad",
}
SAID = {
    "awaiting_approval": "waits for people",
    "expanded": "its nodes are at work",
    "allow": "allowed",
    "warn": "allowed with a warning",
    "redact": "allowed, redacted",
    "approve": "asks people",
    "deny": "refused",
    "depends": "decided when it comes",
    "sent_back": "to be changed",
}


def e(text: object) -> str:
    """Text on one line for a place in HTML."""
    return html.escape(plain(text))


def lines(text: object) -> str:
    """Text of several lines for a place in HTML that keeps them."""
    return "\n".join(html.escape(plain(line)) for line in str(text).splitlines())


def label(text: object) -> str:
    """Text for a place where Streamlit reads Markdown, such as the label of a button."""
    return MARKUP.sub(r"\\\1", plain(text))


def cut(text: object, most: int) -> str:
    shown = plain(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def state_word(state: str) -> str:
    """A state or a verdict in words."""
    return SAID.get(state, state.replace("_", " "))


def chip(state: str, word: str | None = None) -> str:
    """A state as a small coloured mark."""
    return f'<span class="chip {CHIPS.get(state, "quiet")}">{e(word or state_word(state))}</span>'


def ago(moment: datetime | None) -> str:
    """How long ago something was."""
    if moment is None:
        return ""
    passed = datetime.now(UTC) - moment
    return "just now" if passed < timedelta(seconds=5) else f"{about(passed)} ago"


def left(until: datetime | None) -> str:
    """How much time is left."""
    if until is None:
        return "no time limit"
    rest = until - datetime.now(UTC)
    return "the time is up" if rest <= timedelta(0) else f"{about(rest)} left"


def about(time: timedelta) -> str:
    """A span of time in its largest unit, and the next where that matters."""
    minutes = int(time.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if days < 3 and hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if hours < 3 else f"{hours} h"
    return f"{minutes} min" if minutes else f"{max(int(time.total_seconds()), 0)} s"


def took(start: datetime | None, end: datetime | None) -> str:
    """How long something took, or has taken so far."""
    return span((end or datetime.now(UTC)) - start) if start else ""


def about_seconds(seconds: float) -> str:
    """The same of a number of seconds."""
    return about(timedelta(seconds=seconds))
