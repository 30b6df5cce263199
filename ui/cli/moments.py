"""Moments and spans of time as they are written on the command line."""

from datetime import UTC, datetime

from blocks.constitution.terms import parse_duration
from blocks.errors import BadInput


def seconds(text: str) -> float:
    """How long `90s`, `30m`, `24h` or `7d` is."""
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise BadInput(f"--in: {error}") from None


def moment(text: str) -> datetime:
    """The moment of an ISO 8601 text; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--at: {text!r} is no moment; write one as 2026-12-24T18:00+01:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
