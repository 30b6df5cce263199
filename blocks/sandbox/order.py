"""What the hub orders the jail to do, and what the jail tells; the standard library is all that both have."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Ending = Literal["exit", "signal", "time", "memory", "processes", "disk", "hub", "error"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a program may use up together with all that it starts."""

    seconds: float = 60.0
    memory_mb: int = 1024
    processes: int = 64
    file_mb: int = 100
    """The size of one file."""
    grown_mb: int = 500
    """By how much the workspace may grow."""
    grown_files: int = 20_000
    scratch_mb: int = 256
    """What fits into `/tmp`; it counts as memory."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One program to be run in a jail."""

    command: list[str]
    workspace: str
    """The one folder that is writable; it has the same path inside as outside. None if empty."""
    folder: str
    """Where the program begins."""
    environment: Mapping[str, str]
    readable: Mapping[str, str]
    """Folders that can be read: the path inside, and the same folder outside without links on its way."""
    source: str = ""
    """The workspace outside, without links on its way."""
    limits: Limits = field(default_factory=Limits)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        given: dict[str, Any] = json.loads(text)
        return cls(**{**given, "limits": Limits(**given["limits"])})


@dataclass(frozen=True, kw_only=True)
class Report:
    """How the program ended."""

    ended: Ending
    code: int = 0
    """The exit code, or the number of the signal."""
    message: str = ""

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Report":
        return cls(**json.loads(text))
