from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from capsules.repository.analysis import Severity, Text

Grade = Literal["A", "B", "C", "D", "E"]
Effort = Literal["minutes", "hours", "days"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AreaScore(_Part):
    """What one capsule's analysis counts for."""

    capsule: str
    title: Text
    score: int | None
    grade: Grade | None
    weight: int
    headline: Text
    findings: dict[Severity, int]
    change: int | None = None
    """Points since the last audit; None when there is nothing to compare with."""


class Action(_Part):
    """One thing to do, and where to begin."""

    rank: int
    title: Text
    capsule: str
    area: Text
    rule: Text
    severity: Severity
    effort: Effort
    count: int
    """How many findings it settles."""
    places: list[Text]
    more_places: int = 0
    why: Text
    first_step: Text
    links: list[Text] = []
    finding_ids: list[str] = []
    priority: float


class FindingLine(_Part):
    """A finding as short as the next audit needs it."""

    id: str
    capsule: str
    severity: Severity
    title: Text
    path: Text | None = None


class TrendPoint(_Part):
    at: datetime
    commit: str
    score: int | None


class Comparison(_Part):
    """What changed since the last audit of the same repository, or why that cannot be said."""

    status: Literal["first", "compared", "unavailable"]
    note: Text
    at: datetime | None = None
    commit: str | None = None
    commits: int | None = None
    """How many commits lie between the two; None when git cannot tell."""
    score: int | None = None
    change: int | None = None
    areas: dict[str, int] = {}
    new: list[FindingLine] = []
    new_total: int = 0
    resolved: list[FindingLine] = []
    resolved_total: int = 0
    unchanged_total: int = 0
    caveats: list[Text] = []
    trend: list[TrendPoint] = []


class Synthesis(_Part):
    """What the analyses of a repository come to."""

    name: Text
    source: Text
    commit: str
    at: datetime
    score: int | None
    grade: Grade | None
    summary: Text
    method: list[Text]
    areas: list[AreaScore]
    actions: list[Action]
    strengths: list[Text]
    risks: list[Text]
    comparison: Comparison
    refused: dict[str, Text] = {}
    notes: list[Text] = []
