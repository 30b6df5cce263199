"""The terms on which people may agree to an action: who, how many, and until when."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Mapping[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_PERSON = re.compile(r"(?:user|role):[^\s:]{1,200}")
LONGEST = timedelta(days=365)
MOST_PEOPLE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Escalation:
    """Who may answer as well, and from when on."""

    after: timedelta
    to: tuple[str, ...]
    """`user:NAME` and `role:NAME`."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Escalation":
        return cls(after=timedelta(seconds=value["after"]), to=tuple(value["to"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalTerms:
    """Who may answer the question, how many must agree, and how long they may take."""

    who: tuple[str, ...] = ()
    """`user:NAME` and `role:NAME`; empty means anybody who may answer approvals."""
    quorum: int = 1
    """How many different people must agree."""
    expires: timedelta = timedelta(days=7)
    """After this long without an answer the answer is no."""
    requester: bool = True
    """Whether the one who asked for the project may answer."""
    remind: timedelta | None = None
    """After how long, and how long again, those who may answer are reminded."""
    escalate: Escalation | None = None
    """Who may answer as well when nobody has for too long."""

    def as_json(self) -> dict[str, Any]:
        """The terms as plain JSON, times in seconds; what is not asked for is left out."""
        said: dict[str, Any] = {
            "who": list(self.who),
            "quorum": self.quorum,
            "expires": int(self.expires.total_seconds()),
            "requester": self.requester,
        }
        if self.remind is not None:
            said["remind"] = int(self.remind.total_seconds())
        if self.escalate is not None:
            after = int(self.escalate.after.total_seconds())
            said["escalate"] = {"after": after, "to": list(self.escalate.to)}
        return said

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ApprovalTerms":
        """The terms that `as_json` wrote; what is not given has its default."""
        default = cls()
        seconds, remind, escalate = value.get("expires"), value.get("remind"), value.get("escalate")
        return cls(
            who=tuple(value.get("who", default.who)),
            quorum=value.get("quorum", default.quorum),
            expires=default.expires if seconds is None else timedelta(seconds=seconds),
            requester=value.get("requester", default.requester),
            remind=timedelta(seconds=remind) if remind else None,
            escalate=Escalation.from_json(escalate) if escalate else None,
        )


def parse_duration(text: str) -> timedelta:
    """`90s`, `30m`, `24h` or `7d`, at most a year; else a ValueError that says how to write it."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration: write a number and a unit, as 30m, 24h or 7d")
    found = int(match[1]) * _UNITS[match[2]]
    if found > LONGEST:
        raise ValueError(f"{text!r} is longer than {LONGEST.days} days")
    return found


def parse_person(text: str) -> str:
    """`user:NAME` or `role:NAME`; else a ValueError that says so."""
    if not _PERSON.fullmatch(text):
        raise ValueError(f"{text!r} names nobody: write user:NAME or role:NAME")
    return text
